// Published ahead of time and run by .ci/run: registers a pipeline and drives a retry, an opening circuit and a timeout through it, then keeps a record that fails
// and redrives it, and listens to spans and instruments.
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using PipelineOps;

var services = new ServiceCollection();
services.AddPipelineOps().AddPipeline("orders", orders => orders
    .AddStage("extract", stage => stage.Retry.Backoff = Backoff.Constant(TimeSpan.FromMilliseconds(1)))
    .AddStage("transform", stage =>
    {
        stage.Retry.MaxRetries = 0;
        stage.CircuitBreaker.ConsecutiveFailures = 2;
    })
    .AddStage("load", stage =>
    {
        stage.Retry.MaxRetries = 0;
        stage.AttemptTimeout = TimeSpan.FromMilliseconds(20);
    }));
await using ServiceProvider provider = services.BuildServiceProvider();
Pipeline orders = provider.GetRequiredService<PipelineRegistry>().GetPipeline("orders");

int attempts = await orders.GetStage("extract").ExecuteAsync(
    static (first, attempt, _) => attempt.Number > first ? new ValueTask<int>(attempt.Number) : throw new IOException("The first attempt fails."),
    state: 1);
Require(attempts == 2, "the failed attempt is retried");

PipelineStage transform = orders.GetStage("transform");
for (int call = 0; call < 2; call++)
    Require(!(await transform.TryExecuteAsync<int>(static _ => throw new TimeoutException())).IsSuccess, "a failure is a result");
StageResult<int> rejected = await transform.TryExecuteAsync(static _ => new ValueTask<int>(1));
Require(transform.Circuit?.State == CircuitState.Open && rejected.IsRejected, "two failures open the circuit");

StageResult<int> late = await orders.GetStage("load").TryExecuteAsync(static async token =>
{
    await Task.Delay(Timeout.Infinite, token);
    return 1;
});
Require(late.Error is StageTimeoutException { Kind: StageTimeoutKind.Attempt }, "an attempt that hangs times out");

string folder = Path.Combine(Path.GetTempPath(), $"pipelineops-{Guid.NewGuid():N}");
using (PipelineStage parse = PipelineStage.Create("orders", "parse", new StageOptions
{
    Recovery = { FailureFolder = folder, Payload = { Serializer = new JsonPayloadSerializer(OrderJson.Default.Options) } },
}))
{
    RecordResult bad = await parse.ProcessAsync(new Order("a"), static (_, _) => throw new FormatException("bad"));
    Require(bad is { Disposition: Disposition.Quarantined, Failure.Payload.Error: null }, $"a bad record is kept: {bad}, {bad.Failure?.Payload?.Error}");
    Require((await parse.FailureStore.GroupAsync(FailureFilter.All)) is [{ Count: 1, Message: "bad" }], "failures are grouped");
    string redriven = string.Empty;
    await parse.RedriveAsync<Order>((order, _) =>
    {
        redriven = order.Id;
        return default;
    });
    Require(redriven == "a", "a failure is redriven");
    Require(FailureCloudEvent.Deserialize(FailureCloudEvent.Serialize(bad.Failure!)).Id == bad.Failure!.Id, "a failure is a CloudEvent and back");
}

Directory.Delete(folder, recursive: true);

List<string> spans = [];
using var spanListener = new ActivityListener
{
    ShouldListenTo = static source => source.Name == PipelineOpsTelemetry.ActivitySourceName,
    Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
    ActivityStopped = span => spans.Add(span.DisplayName),
};
ActivitySource.AddActivityListener(spanListener);
HashSet<string> measured = [];
using var meterListener = new MeterListener { InstrumentPublished = static (instrument, listener) => listener.EnableMeasurementEvents(instrument) };
meterListener.SetMeasurementEventCallback<double>((instrument, _, _, _) => measured.Add(instrument.Name));
meterListener.SetMeasurementEventCallback<long>((instrument, _, _, _) => measured.Add(instrument.Name));
meterListener.Start();
var headers = new Dictionary<string, object?>();
await using (PipelineRun run = orders.BeginRun("night"))
{
    await orders.GetStage("extract").ExecuteAsync(static (_, _) => new ValueTask<int>(1), state: 0);
    TraceHeaders.Inject(headers);
    run.Complete();
}

meterListener.RecordObservableInstruments();
Require(spans is ["orders/extract"], "a call is traced");
Require(TraceHeaders.Extract(headers).RunId == "night", "headers carry the run");
Require(measured.Contains("pipelineops.stage.duration") && measured.Contains("pipelineops.runs") && measured.Contains("pipelineops.calls"), "calls and runs are measured");
Console.WriteLine("aot ok");

static void Require(bool condition, string what)
{
    if (!condition)
        throw new InvalidOperationException($"Not so: {what}.");
}

internal sealed record Order(string Id);

[JsonSerializable(typeof(Order))]
internal sealed partial class OrderJson : JsonSerializerContext;
