namespace PipelineOps.Tests.Stages;

/// <summary>Delegates fail and succeed in many shapes; the stage treats them alike.</summary>
public sealed class DelegateKindTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string> Failures => ["throws", "faulted", "throws later", "cancelled", "source", "source later"];

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task A_delegate_that_fails_once_is_retried_however_it_fails(string kind)
    {
        int calls = 0;
        using PipelineStage stage = TestStage.Create(_time);

        int value = await stage.ExecuteAsync(_ => ++calls == 1 ? Fail(kind) : new(calls), Ct).InTime();

        Assert.Equal(2, value);
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task A_delegate_without_a_result_that_fails_once_is_retried_however_it_fails(string kind)
    {
        int calls = 0;
        using PipelineStage stage = TestStage.Create(_time);

        await stage.ExecuteAsync(_ => ++calls == 1 ? new ValueTask(Fail(kind).AsTask()) : default, Ct).InTime();

        Assert.Equal(2, calls);
    }

    [Fact]
    public async Task A_synchronous_throw_reaches_the_caller_through_the_task_and_not_from_the_call()
    {
        using PipelineStage stage = TestStage.Create(_time);

        ValueTask<int> value = stage.ExecuteAsync<int>(static _ => throw new NotSupportedException(), Ct);
        ValueTask nothing = stage.ExecuteAsync(static ValueTask (_) => throw new NotSupportedException(), Ct);

        await Assert.ThrowsAsync<NotSupportedException>(() => value.InTime());
        await Assert.ThrowsAsync<NotSupportedException>(() => nothing.InTime());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_pooled_value_task_that_succeeds_is_consumed_once(bool later)
    {
        var source = new CountingSource();
        using PipelineStage stage = TestStage.Create(_time);
        if (!later)
            source.Succeed(5);

        ValueTask<int> call = stage.ExecuteAsync(_ => source.Task, Ct);
        if (later)
            source.Succeed(5);

        Assert.Equal(5, await call.InTime());
        Assert.Equal(1, source.ResultsTaken);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_pooled_value_task_that_fails_is_consumed_once_and_its_exception_is_the_same(bool later)
    {
        var source = new CountingSource();
        var failure = new IOException();
        using PipelineStage stage = TestStage.Create(_time, o => o.Retry.MaxRetries = 0);
        if (!later)
            source.Fail(failure);

        ValueTask call = stage.ExecuteAsync(_ => source.VoidTask, Ct);
        if (later)
            source.Fail(failure);

        Assert.Same(failure, await Assert.ThrowsAsync<IOException>(() => call.InTime()));
        Assert.Equal(1, source.ResultsTaken);
    }

    [Fact]
    public async Task A_pooled_value_task_is_consumed_once_where_a_result_is_judged_and_told()
    {
        var source = new CountingSource();
        source.Succeed(7);
        using PipelineStage stage = TestStage.Create(_time, o => o.AddResultRule<int>(static _ => null));

        StageResult<int> result = await stage.TryExecuteAsync(_ => source.Task, Ct).InTime();

        Assert.Equal(7, result.Value);
        Assert.Equal(1, source.ResultsTaken);
    }

    [Fact]
    public async Task A_delegate_that_cancels_itself_keeps_its_exception()
    {
        var own = new OperationCanceledException("the driver's own deadline");
        using PipelineStage stage = TestStage.Create(_time, o => o.Retry.MaxRetries = 1);

        OperationCanceledException thrown = await Assert.ThrowsAsync<OperationCanceledException>(
            () => stage.ExecuteAsync(new Flaky(own, own).Invoke, Ct).InTime());

        Assert.Same(own, thrown);
    }

    [Fact]
    public async Task A_missing_delegate_is_refused()
    {
        using PipelineStage stage = TestStage.Create(_time);

        await Assert.ThrowsAsync<ArgumentNullException>("action", () => stage.ExecuteAsync((Func<CancellationToken, ValueTask<int>>)null!, Ct).InTime());
        await Assert.ThrowsAsync<ArgumentNullException>("action", () => stage.TryExecuteAsync((Func<int, CancellationToken, ValueTask>)null!, 0, Ct).InTime());
        await Assert.ThrowsAsync<ArgumentNullException>("action", () => stage.ExecuteAsync((Func<CancellationToken, Task<int>>)null!, Ct).InTime());
    }

    private static ValueTask<int> Fail(string kind)
    {
        var source = new CountingSource();
        switch (kind)
        {
            case "throws":
                throw new IOException();
            case "faulted":
                return ValueTask.FromException<int>(new IOException());
            case "throws later":
                return ThrowLater();
            case "cancelled":
                return ValueTask.FromCanceled<int>(new CancellationToken(canceled: true));
            case "source":
                source.Fail(new IOException());
                return source.Task;
            default:
                _ = Task.Run(() => source.Fail(new IOException()), Ct);
                return source.Task;
        }
    }

    private static async ValueTask<int> ThrowLater()
    {
        await Task.Yield();
        throw new IOException();
    }
}
