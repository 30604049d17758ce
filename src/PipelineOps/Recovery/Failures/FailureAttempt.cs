namespace PipelineOps;

/// <summary>One attempt that failed.</summary>
/// <param name="Number">Its number within its call, from 1.</param>
/// <param name="Time">When it failed; in UTC.</param>
/// <param name="Delay">How long the stage waited before it; zero for a first attempt.</param>
/// <param name="ErrorType">The full name of the exception's type, or the category of a failure by result.</param>
/// <param name="BatchSize">How many records the delegate got; 1 for a record alone.</param>
public sealed record FailureAttempt(int Number, DateTimeOffset Time, TimeSpan Delay, string ErrorType, int BatchSize = 1);
