using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace PipelineOps.Benchmarks.Telemetry;

/// <summary>
/// What one who knows the documentation of OpenTelemetry for .NET well would write around a stage, to get the spans and measurements of calls that the library has.
/// </summary>
/// <remarks>
/// It is as cheap as it can be, and cheaper than it should be: a call is taken for one attempt, whose duration is the call's. To be right about retries too, it would
/// have to wrap the delegate in another method with two more clock reads.
/// </remarks>
internal sealed class HandWrittenStage(PipelineStage stage)
{
    public const string TelemetryName = "HandWritten";

    private const int Attempts = 1;

    private static readonly ActivitySource Source = new(TelemetryName);
    private static readonly Meter Meter = new(TelemetryName);

    // The same buckets, for a listener that sorts into them.
    private static readonly InstrumentAdvice<double> Advice = new()
    {
        HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    };

    private static readonly Histogram<double> CallDuration = Meter.CreateHistogram("hand.stage.duration", "s", "Calls.", tags: null, Advice);
    private static readonly Histogram<double> AttemptDuration = Meter.CreateHistogram("hand.stage.attempt.duration", "s", "Attempts.", tags: null, Advice);
    private static readonly UpDownCounter<long> ActiveCount = Meter.CreateUpDownCounter<long>("hand.stage.active", "{call}");
    private static readonly Counter<long> CallCount = Meter.CreateCounter<long>("hand.calls", "{call}");
    private static readonly Counter<long> AttemptCount = Meter.CreateCounter<long>("hand.attempts", "{attempt}");

    private static readonly KeyValuePair<string, object?> Pipeline = new("pipeline", "benchmark");
    private static readonly KeyValuePair<string, object?> Stage = new("stage", "stage");
    private static readonly KeyValuePair<string, object?>[] StageTags = [Pipeline, Stage];
    private static readonly KeyValuePair<string, object?>[] SucceededTags = [Pipeline, Stage, new("outcome", "succeeded")];
    private static readonly KeyValuePair<string, object?>[] FailedTags = [Pipeline, Stage, new("outcome", "failed")];

    public async ValueTask<int> ExecuteAsync(Func<object, CancellationToken, ValueTask<int>> action, object state, CancellationToken cancellationToken = default)
    {
        Activity? activity = Source.HasListeners() ? Source.StartActivity("benchmark/stage", ActivityKind.Internal, default(ActivityContext), StageTags) : null;
        bool isTimed = CallDuration.Enabled || AttemptDuration.Enabled;
        bool isActiveWanted = ActiveCount.Enabled;
        string? errorType = null;
        if (isActiveWanted)
            ActiveCount.Add(1, StageTags.AsSpan());

        long start = isTimed ? Stopwatch.GetTimestamp() : 0;
        try
        {
            return await stage.ExecuteAsync(action, state, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            errorType = exception.GetType().FullName;
            activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
            if (activity is { IsAllDataRequested: true })
                activity.SetTag("error.type", errorType);

            throw;
        }
        finally
        {
            if (isTimed)
            {
                double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                KeyValuePair<string, object?>[] tags = errorType is null ? StageTags : [Pipeline, Stage, new("error.type", errorType)];
                AttemptDuration.Record(seconds, tags.AsSpan());
                CallDuration.Record(seconds, tags.AsSpan());
            }

            if (CallCount.Enabled)
                CallCount.Add(1, errorType is null ? SucceededTags.AsSpan() : FailedTags.AsSpan());

            if (AttemptCount.Enabled)
                AttemptCount.Add(Attempts, StageTags.AsSpan());

            if (isActiveWanted)
                ActiveCount.Add(-1, StageTags.AsSpan());

            if (activity is not null)
            {
                if (activity.IsAllDataRequested)
                    activity.SetTag("attempts", Attempts);

                activity.Stop();
            }
        }
    }
}
