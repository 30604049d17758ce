namespace PipelineOps;

/// <summary>An operation that somebody waits for.</summary>
/// <typeparam name="T">The type of its result.</typeparam>
internal abstract class StoreOperation<T>(T nothing) : StoreOperation
{
    // Asynchronously, or the continuation of whoever waits would hold up the next group.
    private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<T> Done => _done.Task;

    public override bool IsWritten => Lines.Length > 0;

    protected LineBuffer Lines { get; } = new();

    /// <summary>What it answers; unless it does something, nothing.</summary>
    protected T Result { get; set; } = nothing;

    public override void Complete() => _done.TrySetResult(Result);

    public override void Fail(Exception exception)
    {
        _done.TrySetException(exception);

        // Seen, also if whoever waited has cancelled since.
        _ = _done.Task.Exception;
    }

    public override void Dispose() => Lines.Dispose();
}
