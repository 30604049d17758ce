using System.Threading.Tasks.Sources;

namespace PipelineOps;

/// <summary>
/// A task that has failed already. Half the price and half the memory of <see cref="ValueTask.FromException{TResult}"/>, whose task keeps its exception in a
/// finalizable holder; and what a rejection costs matters most when there are many.
/// </summary>
internal sealed class FaultedSource<T>(Exception exception) : IValueTaskSource<T>
{
    public T GetResult(short token) => throw exception;

    public ValueTaskSourceStatus GetStatus(short token) => ValueTaskSourceStatus.Faulted;

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        ThreadPool.UnsafeQueueUserWorkItem(static work => work.continuation(work.state), (continuation, state), preferLocal: true);
}
