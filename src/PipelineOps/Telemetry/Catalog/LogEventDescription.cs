namespace PipelineOps;

/// <summary>An event of the log category <c>PipelineOps</c>.</summary>
/// <param name="Id">The event's id, which never changes.</param>
/// <param name="Name">The event's name.</param>
/// <param name="Level">The level, or what it depends on.</param>
/// <param name="Meaning">What has happened, in a sentence without its full stop.</param>
public sealed record LogEventDescription(int Id, string Name, string Level, string Meaning);
