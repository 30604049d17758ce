namespace PipelineOps;

/// <summary>What became of a stage's records.</summary>
/// <param name="Ended">How many ended so, by <see cref="Disposition"/>.</param>
/// <param name="InFlight">How many have not ended.</param>
internal readonly record struct RecordReading(long[] Ended, long InFlight);
