using System.Threading.Tasks.Sources;

namespace PipelineOps.Tests.Stages;

/// <summary>What backs a pooled <see cref="ValueTask"/>: it may be asked for its result once, and says how often it was.</summary>
internal sealed class CountingSource : IValueTaskSource<int>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<int> _core;

    public int ResultsTaken { get; private set; }

    public ValueTask<int> Task => new(this, _core.Version);

    public ValueTask VoidTask => new(this, _core.Version);

    public void Succeed(int value) => _core.SetResult(value);

    public void Fail(Exception exception) => _core.SetException(exception);

    public int GetResult(short token)
    {
        ResultsTaken++;
        return _core.GetResult(token);
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
