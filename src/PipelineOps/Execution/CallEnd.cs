namespace PipelineOps;

/// <summary>How a call ended, as the record level needs it.</summary>
/// <param name="Value">The delegate's result.</param>
/// <param name="Failure">Why there is none; <see langword="null"/> after a success.</param>
/// <param name="Attempts">How often the delegate was invoked.</param>
internal readonly record struct CallEnd<T>(T? Value, CallFailure? Failure, int Attempts);
