#pragma warning disable xUnit1051 // Calls that leave the token out are forms to test, too.
namespace PipelineOps.Tests.Stages;

/// <summary>Every form in which a delegate can be written. That this file compiles is most of the test: no form is ambiguous.</summary>
public sealed class OverloadTests
{
    private readonly PipelineStage _stage = TestStage.Create(TimeProvider.System);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Delegates_without_state()
    {
        Assert.Equal(1, await _stage.ExecuteAsync(async ct => await Answer(1, ct), Ct));
        Assert.Equal(2, await _stage.ExecuteAsync(static async ct => await Answer(2, ct), Ct));
        Assert.Equal(3, await _stage.ExecuteAsync(static ct => Answer(3, ct), Ct));
        Assert.Equal(4, await _stage.ExecuteAsync(static ct => AnswerByTask(4, ct), Ct));
        Assert.Equal(5, await _stage.ExecuteAsync(static _ => Task.FromResult(5), Ct));
        Assert.Equal(6, await _stage.ExecuteAsync(static _ => new ValueTask<int>(6), Ct));
        Assert.Equal(10, await _stage.ExecuteAsync(Ten, Ct));
        Assert.Equal(11, await _stage.ExecuteAsync(ElevenByTask, Ct));
        Assert.Equal(10, await _stage.ExecuteAsync(Ten));
        Assert.Equal(12, await _stage.ExecuteAsync(Local, Ct));
        Assert.Equal(13, await _stage.ExecuteAsync(LocalByTask, Ct));

        static async ValueTask<int> Local(CancellationToken ct) => await Answer(12, ct);
        static async Task<int> LocalByTask(CancellationToken ct) => await Answer(13, ct);
    }

    [Fact]
    public async Task Delegates_with_state()
    {
        Assert.Equal(1, await _stage.ExecuteAsync(static async (s, ct) => await Answer(s, ct), 1, Ct));
        Assert.Equal(2, await _stage.ExecuteAsync(static (s, ct) => Answer(s, ct), 2, Ct));
        Assert.Equal(3, await _stage.ExecuteAsync(static (s, ct) => AnswerByTask(s, ct), 3, Ct));
        Assert.Equal(4, await _stage.ExecuteAsync(Answer, 4, Ct));
        Assert.Equal(5, await _stage.ExecuteAsync(AnswerByTask, 5, Ct));
        Assert.Equal(6, await _stage.ExecuteAsync(static (s, ct) => Answer(s.a + s.b, ct), (a: 2, b: 4), Ct));
        Assert.Equal("7", await _stage.ExecuteAsync(static (s, _) => new ValueTask<string>(s), "7", Ct));
        Assert.Equal(8, await _stage.ExecuteAsync(static (s, ct) => Answer(s, ct), 8));
        Assert.Equal("9", await _stage.ExecuteAsync(static (s, _) => new ValueTask<object>(s), "9", Ct));
        Assert.Equal(10, await _stage.ExecuteAsync(Local, 10, Ct));

        static async ValueTask<int> Local(int state, CancellationToken ct) => await Answer(state, ct);
    }

    [Fact]
    public async Task Delegates_without_a_result()
    {
        int calls = 0;
        await _stage.ExecuteAsync(async ct => await Count(ct), Ct);
        await _stage.ExecuteAsync(Count, Ct);
        await _stage.ExecuteAsync(CountByTask, Ct);
        await _stage.ExecuteAsync(ct => CountByTask(ct), Ct);
        await _stage.ExecuteAsync(_ => Task.Run(() => calls++, Ct), Ct);
        await _stage.ExecuteAsync(static async (count, ct) => await count(ct), (Func<CancellationToken, ValueTask>)Count, Ct);
        await _stage.ExecuteAsync(static (count, ct) => count(ct), (Func<CancellationToken, ValueTask>)Count, Ct);
        await _stage.ExecuteAsync(static (count, ct) => count(ct), (Func<CancellationToken, Task>)CountByTask, Ct);
        await _stage.ExecuteAsync(static async (count, attempt, ct) => await count(ct), (Func<CancellationToken, ValueTask>)Count, Ct);
        Assert.True((await _stage.TryExecuteAsync(async ct => await Count(ct), Ct)).IsSuccess);
        Assert.True((await _stage.TryExecuteAsync(Count, Ct)).IsSuccess);
        Assert.True((await _stage.TryExecuteAsync(CountByTask, Ct)).IsSuccess);
        Assert.True((await _stage.TryExecuteAsync(static (count, ct) => count(ct), (Func<CancellationToken, Task>)CountByTask, Ct)).IsSuccess);
        Assert.True((await _stage.TryExecuteAsync(static (count, _, ct) => count(ct), (Func<CancellationToken, ValueTask>)Count, Ct)).IsSuccess);

        Assert.Equal(14, calls);

        ValueTask Count(CancellationToken ct)
        {
            calls++;
            return default;
        }

        async Task CountByTask(CancellationToken ct)
        {
            calls++;
            await Task.Yield();
        }
    }

    [Fact]
    public async Task Delegates_that_are_told_their_attempt()
    {
        Assert.Equal(2, await _stage.ExecuteAsync(static (s, attempt, ct) => Answer(s + attempt.Number, ct), 1, Ct));
        Assert.Equal(3, await _stage.ExecuteAsync(static async (s, attempt, ct) => await Answer(s + attempt.Number, ct), 2, Ct));
        Assert.Equal(4, await _stage.ExecuteAsync(AnswerAttempt, 3, Ct));
        Assert.Equal(5, (await _stage.TryExecuteAsync(AnswerAttempt, 4, Ct)).Value);
        Assert.Equal(6, await _stage.ExecuteAsync(static (s, attempt, ct) => AnswerByTask(s + attempt.Number, ct), 5, Ct));
        Assert.Equal(7, (await _stage.TryExecuteAsync(static (s, attempt, ct) => AnswerByTask(s + attempt.Number, ct), 6, Ct)).Value);
        await _stage.ExecuteAsync(static (_, attempt, ct) => attempt.Number == 1 ? Task.CompletedTask : Task.FromCanceled(ct), 0, Ct);
        Assert.True((await _stage.TryExecuteAsync(static (_, attempt, ct) => attempt.Number == 1 ? Task.CompletedTask : Task.FromCanceled(ct), 0, Ct)).IsSuccess);
    }

    [Fact]
    public async Task Delegates_whose_end_is_told()
    {
        Assert.Equal(1, (await _stage.TryExecuteAsync(async ct => await Answer(1, ct), Ct)).Value);
        Assert.Equal(2, (await _stage.TryExecuteAsync(static ct => AnswerByTask(2, ct), Ct)).Value);
        Assert.Equal(10, (await _stage.TryExecuteAsync(Ten, Ct)).Value);
        Assert.Equal(11, (await _stage.TryExecuteAsync(ElevenByTask, Ct)).Value);
        Assert.Equal(3, (await _stage.TryExecuteAsync(static async (s, ct) => await Answer(s, ct), 3, Ct)).Value);
        Assert.Equal(4, (await _stage.TryExecuteAsync(AnswerByTask, 4, Ct)).Value);
        Assert.Equal(5, (await _stage.TryExecuteAsync(Answer, 5)).Value);
    }

    [Fact]
    public async Task Delegates_with_a_fallback()
    {
        Assert.Equal(1, await _stage.ExecuteAsync(static async (s, ct) => await Answer(s, ct), 1, -1, Ct));
        Assert.Equal(2, await _stage.ExecuteAsync(Answer, 2, -1));
        Assert.Equal(3, await _stage.ExecuteAsync(Answer, 3, static (s, result, ct) => Answer(-s, ct), Ct));
        Assert.Equal(4, await _stage.ExecuteAsync(static (s, ct) => Answer(s, ct), 4, static async (s, result, ct) => await Answer(-s, ct), Ct));
        Assert.Null(await _stage.ExecuteAsync<int, string?>(static (_, _) => throw new NotSupportedException(), 5, fallbackValue: null, Ct));
    }

    private static async ValueTask<int> Answer(int value, CancellationToken ct)
    {
        await Task.Yield();
        return value;
    }

    private static async Task<int> AnswerByTask(int value, CancellationToken ct) => await Answer(value, ct);

    private static ValueTask<int> AnswerAttempt(int value, StageAttempt attempt, CancellationToken ct) => Answer(value + attempt.Number, ct);

    private static ValueTask<int> Ten(CancellationToken ct) => new(10);

    private static Task<int> ElevenByTask(CancellationToken ct) => Task.FromResult(11);
}
