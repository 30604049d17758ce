namespace PipelineOps.Tests.Stages;

public sealed class AttemptTests
{
    private readonly ManualTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_attempt_knows_its_number_and_the_error_before_it()
    {
        Exception[] failures = [new IOException(), new TimeoutException()];
        List<StageAttempt> attempts = [];
        using PipelineStage stage = TestStage.Create(_time);

        await stage.ExecuteAsync(
            (_, attempt, _) =>
            {
                attempts.Add(attempt);
                return attempt.Number <= 2 ? ValueTask.FromException<int>(failures[attempt.Number - 1]) : new(1);
            },
            0,
            Ct).InTime();

        Assert.Equal([1, 2, 3], attempts.Select(static a => a.Number));
        Assert.Equal([false, true, true], attempts.Select(static a => a.IsRetry));
        Assert.Equal([null, failures[0], failures[1]], attempts.Select(static a => a.LastError));
    }

    [Fact]
    public async Task The_idempotency_key_is_one_over_the_attempts_of_a_call_and_another_for_the_next_call()
    {
        List<string> keys = [];
        using PipelineStage stage = TestStage.Create(_time);

        for (int call = 0; call < 2; call++)
        {
            await stage.TryExecuteAsync(
                (_, attempt, _) =>
                {
                    keys.Add(attempt.IdempotencyKey);
                    return attempt.IsRetry ? new(1) : ValueTask.FromException<int>(new IOException());
                },
                0,
                Ct).InTime();
        }

        Assert.Equal(keys[0], keys[1]);
        Assert.Equal(keys[2], keys[3]);
        Assert.NotEqual(keys[0], keys[2]);
        Assert.NotEmpty(keys[0]);
    }

    [Fact]
    public async Task A_call_that_had_to_queue_has_a_key_of_its_own_too()
    {
        List<string> keys = [];
        var gate = new TaskCompletionSource();
        using PipelineStage stage = TestStage.Create(_time, o => (o.Concurrency.MaxConcurrent, o.Concurrency.MaxQueued) = (1, 1));
        Task<int>[] calls = [Call(), Call()];
        gate.SetResult();
        await Task.WhenAll(calls).WaitAsync(Ct);

        Assert.Equal(2, keys.Distinct().Count());

        Task<int> Call() => stage.ExecuteAsync(
            async (_, attempt, _) =>
            {
                keys.Add(attempt.IdempotencyKey);
                await gate.Task;
                return 1;
            },
            0,
            Ct).InTime();
    }

    [Fact]
    public async Task A_result_that_failed_leaves_no_error_to_the_next_attempt()
    {
        List<Exception?> errors = [];
        using PipelineStage stage = TestStage.Create(_time, o => o.AddResultRule<int>(static v => v < 2 ? ErrorClassification.Transient : null));

        await stage.ExecuteAsync(
            (_, attempt, _) =>
            {
                errors.Add(attempt.LastError);
                return new ValueTask<int>(attempt.Number);
            },
            0,
            Ct).InTime();

        Assert.Equal([null, null], errors);
    }
}
