namespace PipelineOps.Tests.Stages;

public sealed class FallbackTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_the_fallback_throws_comes_out()
    {
        var own = new InvalidDataException();
        using PipelineStage stage = TestStage.Create(_time);

        Exception thrown = await Assert.ThrowsAsync<InvalidDataException>(() => stage.ExecuteAsync(
            static (_, _) => ValueTask.FromException<int>(new IOException()), 0, (_, _, _) => ValueTask.FromException<int>(own), Ct).InTime());

        Assert.Same(own, thrown);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_fallback_that_throws_at_once_throws_through_the_task(bool asynchronous)
    {
        using PipelineStage stage = TestStage.Create(_time);

        ValueTask<int> call = stage.ExecuteAsync(
            (_, _) => Fail(asynchronous), 0, static ValueTask<int> (_, _, _) => throw new InvalidDataException(), Ct);

        await Assert.ThrowsAsync<InvalidDataException>(() => call.InTime());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cancelled_call_has_no_fallback(bool before)
    {
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        int fallbacks = 0;
        using PipelineStage stage = TestStage.Create(_time);
        if (before)
            await caller.CancelAsync();

        ValueTask<int> withDelegate = stage.ExecuteAsync(static (_, ct) => TestStage.Hang(ct), 0, (_, _, _) => new ValueTask<int>(++fallbacks), caller.Token);
        ValueTask<int> withValue = stage.ExecuteAsync(static (_, ct) => TestStage.Hang(ct), 0, -1, caller.Token);
        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => withDelegate.InTime());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => withValue.InTime());
        Assert.Equal(0, fallbacks);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_fallback_is_told_once_how_the_call_ended(bool asynchronous)
    {
        List<StageResult<int>> told = [];
        using PipelineStage stage = TestStage.Create(_time, static o => o.Retry.MaxRetries = 1);

        int value = await stage.ExecuteAsync(
            (_, _) => Fail(asynchronous),
            "state",
            (state, result, ct) =>
            {
                told.Add(result);
                Assert.Equal(("state", Ct), (state, ct));
                return new ValueTask<int>(-1);
            },
            Ct).InTime();

        Assert.Equal(-1, value);
        StageResult<int> result = Assert.Single(told);
        Assert.IsType<IOException>(result.Error);
        Assert.Equal(ErrorCategory.Unknown, result.Classification.Category);
        Assert.Equal(2, result.Attempts);
    }

    [Fact]
    public async Task A_rejected_call_falls_back()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.CircuitBreaker.Enabled = true);
        stage.Circuit!.Isolate();

        Assert.Equal(
            "rejected",
            await stage.ExecuteAsync(
                static (_, _) => new ValueTask<string>("called"), 0, static (_, result, _) => new ValueTask<string>(result.IsRejected ? "rejected" : "?"), Ct).InTime());
        Assert.Equal("cached", await stage.ExecuteAsync(static (_, _) => new ValueTask<string>("called"), 0, "cached", Ct).InTime());
    }

    [Fact]
    public async Task A_call_that_missed_its_deadline_falls_back()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.TotalTimeout = TimeSpan.FromSeconds(1));

        ValueTask<int> call = stage.ExecuteAsync(static (_, ct) => TestStage.Hang(ct), 0, -1, Ct);
        await _time.AdvanceOnceWaiting(TimeSpan.FromSeconds(1));

        Assert.Equal(-1, await call.InTime());
    }

    [Fact]
    public async Task A_failure_by_result_falls_back()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.AddResultRule<int>(static _ => ErrorClassification.Permanent));

        int value = await stage.ExecuteAsync(
            static (_, _) => new ValueTask<int>(7), 0, static (_, result, _) => new ValueTask<int>(-result.Value), Ct).InTime();

        Assert.Equal(-7, value);
    }

    [Fact]
    public async Task A_failed_result_that_a_value_replaces_is_disposed()
    {
        using PipelineStage stage = TestStage.Create(_time, static o => o.AddResultRule<MemoryStream>(static _ => ErrorClassification.Permanent));
        using var failed = new MemoryStream();
        using var instead = new MemoryStream();

        MemoryStream value = await stage.ExecuteAsync(static (failed, _) => new ValueTask<MemoryStream>(failed), failed, fallbackValue: instead, Ct).InTime();

        Assert.Same(instead, value);
        Assert.False(failed.CanRead);
        Assert.True(instead.CanRead);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_success_has_no_fallback(bool asynchronous)
    {
        int fallbacks = 0;
        using PipelineStage stage = TestStage.Create(_time);

        int value = await stage.ExecuteAsync(
            async (_, _) =>
            {
                if (asynchronous)
                    await Task.Yield();
                return 5;
            },
            0,
            (_, _, _) => new ValueTask<int>(++fallbacks),
            Ct).InTime();

        Assert.Equal((5, 0), (value, fallbacks));
        Assert.Equal(5, await stage.ExecuteAsync(static (_, _) => new ValueTask<int>(5), 0, -1, Ct).InTime());
    }

    private static async ValueTask<int> Fail(bool asynchronous)
    {
        if (asynchronous)
            await Task.Yield();
        throw new IOException();
    }
}
