namespace PipelineOps;

/// <summary>Puts acknowledgements into the order of the source.</summary>
internal sealed class Acknowledgements
{
    private readonly object _gate = new();
    private readonly Dictionary<long, TaskCompletionSource<bool>> _waiting = [];
    private long _turn;
    private bool _ended;

    /// <summary>Waits until everything before has been acknowledged; <see langword="false"/> if something before never will be.</summary>
    public Task<bool> TurnAsync(long place)
    {
        lock (_gate)
        {
            if (_ended || _turn == place)
                return Task.FromResult(!_ended);

            var turn = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add(place, turn);
            return turn.Task;
        }
    }

    /// <summary>What has the turn is acknowledged.</summary>
    public void Pass()
    {
        TaskCompletionSource<bool>? next;
        lock (_gate)
            _waiting.Remove(++_turn, out next);

        next?.TrySetResult(true);
    }

    /// <summary>What has the turn will not be acknowledged, and so nothing behind it.</summary>
    public void End()
    {
        TaskCompletionSource<bool>[] waiting;
        lock (_gate)
        {
            _ended = true;
            waiting = [.. _waiting.Values];
            _waiting.Clear();
        }

        foreach (TaskCompletionSource<bool> turn in waiting)
            turn.TrySetResult(false);
    }
}
