using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>Lines of one kind that were not written.</summary>
/// <param name="EventName">The event's name.</param>
/// <param name="ErrorType">The type of their errors.</param>
/// <param name="Level">The level of the gravest.</param>
/// <param name="Count">How many.</param>
/// <param name="Time">In how long a time.</param>
internal readonly record struct RepeatedLines(string EventName, string ErrorType, LogLevel Level, long Count, TimeSpan Time);
