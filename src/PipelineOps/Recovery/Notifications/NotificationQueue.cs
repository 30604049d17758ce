namespace PipelineOps;

/// <summary>
/// Hands failures to a stage's notifiers without making the stage wait: each notifier has a queue and a thread of its own, so that one which blocks or
/// throws holds up neither the stage nor the others.
/// </summary>
internal sealed class NotificationQueue : IDisposable
{
    private readonly NotificationPump[] _pumps;

    /// <param name="notifiers">The notifiers with their options, as the stage's options name them.</param>
    /// <param name="callbackFailed">Told of what a notifier threw, with the notifier's name.</param>
    /// <param name="notificationsDropped">Told of a notifier's type and how many notifications it was spared since it was last told.</param>
    public NotificationQueue(
        IReadOnlyList<(IFailureNotifier Notifier, NotificationOptions Options)> notifiers,
        Action<string, Exception> callbackFailed,
        Action<string, long> notificationsDropped) =>
        _pumps = [.. notifiers.Select(entry => new NotificationPump(entry.Notifier, entry.Options, callbackFailed, notificationsDropped))];

    /// <summary>Never blocks and never throws.</summary>
    public void Post(FailureRecord failure)
    {
        foreach (NotificationPump pump in _pumps)
            pump.Post(failure);
    }

    /// <summary>Cancels what runs and leaves out what waits. Does not wait for notifiers to return.</summary>
    public void Dispose()
    {
        foreach (NotificationPump pump in _pumps)
            pump.Dispose();
    }
}
