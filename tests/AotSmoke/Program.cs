// Published ahead of time and run by .ci/run: registers a pipeline and drives a retry, an opening circuit and a timeout through it.
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

Console.WriteLine("aot ok");

static void Require(bool condition, string what)
{
    if (!condition)
        throw new InvalidOperationException($"Not so: {what}.");
}
