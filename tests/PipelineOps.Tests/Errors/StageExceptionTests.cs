namespace PipelineOps.Tests.Errors;

public sealed class StageExceptionTests
{
    [Fact]
    public void An_open_circuit_says_when_to_come_back()
    {
        var exception = new CircuitOpenException("orders", "load", TimeSpan.FromMilliseconds(1500));

        Assert.Equal("The circuit of stage orders/load is open. Retry after 1.5 s.", exception.Message);
        Assert.Equal(("orders", "load", TimeSpan.FromSeconds(1.5)), (exception.Pipeline, exception.Stage, exception.RetryAfter));
    }

    [Fact]
    public void An_open_circuit_never_asks_for_a_negative_delay()
    {
        var exception = new CircuitOpenException("orders", "load", TimeSpan.FromSeconds(-2));

        Assert.Equal("The circuit of stage orders/load is open. Retry after 0 s.", exception.Message);
        Assert.Equal(TimeSpan.Zero, exception.RetryAfter);
    }

    [Fact]
    public void An_isolated_circuit_cannot_say_when()
    {
        var exception = new CircuitOpenException("orders", "load", retryAfter: null);

        Assert.Equal("The circuit of stage orders/load is isolated by hand. Reset it to let calls pass.", exception.Message);
        Assert.Null(exception.RetryAfter);
    }

    [Fact]
    public void A_full_stage_says_what_it_can_take()
    {
        var exception = new ConcurrencyLimitException("orders", "load", maxConcurrent: 4, maxQueued: 2);

        Assert.Equal("Stage orders/load runs 4 calls and queues 2, and can take no more.", exception.Message);
        Assert.Equal((4, 2), (exception.MaxConcurrent, exception.MaxQueued));
        Assert.Null(exception.RetryAfter);
    }

    [Theory]
    [InlineData(StageTimeoutKind.Attempt, "Stage orders/load exceeded its attempt timeout of 2.5 s.")]
    [InlineData(StageTimeoutKind.Total, "Stage orders/load exceeded its total timeout of 2.5 s.")]
    public void A_timeout_says_which_deadline_fired(StageTimeoutKind kind, string message)
    {
        var cause = new OperationCanceledException();

        var exception = new StageTimeoutException("orders", "load", kind, TimeSpan.FromSeconds(2.5), cause);

        Assert.Equal(message, exception.Message);
        Assert.Equal((kind, TimeSpan.FromSeconds(2.5)), (exception.Kind, exception.Timeout));
        Assert.Same(cause, exception.InnerException);
    }
}
