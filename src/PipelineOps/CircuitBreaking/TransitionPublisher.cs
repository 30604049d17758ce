namespace PipelineOps;

/// <summary>
/// Tells listeners of each transition, in order and one at a time, without making a thread wait: one that finds another publishing leaves its
/// transition to it. A listener that changes the circuit's state is therefore told of that change after it has returned.
/// </summary>
internal sealed class TransitionPublisher(CircuitEra first)
{
    private CircuitEra _published = first;
    private int _publishing;

    public event Action<CircuitTransition>? Transitioned;

    public void Publish()
    {
        while (Interlocked.Exchange(ref _publishing, 1) == 0)
        {
            while (_published.Next is { } next)
            {
                CircuitEra previous = _published;
                Volatile.Write(ref _published, next);

                // A call in flight holds its era, and must not hold every later one as well.
                previous.Next = null;
                if (next.Transition is { } transition)
                {
                    Tell(next.Rules.OnTransition, transition);
                    Tell(Transitioned, transition);
                }
            }

            // Who linked an era while the flag was up has left it to this thread.
            Interlocked.Exchange(ref _publishing, 0);
            if (Volatile.Read(ref _published).Next is null)
                return;
        }
    }

    private static void Tell(Action<CircuitTransition>? listeners, CircuitTransition transition)
    {
        foreach (Delegate listener in listeners?.GetInvocationList() ?? [])
        {
            try
            {
                ((Action<CircuitTransition>)listener)(transition);
            }
            catch (Exception)
            {
                // A listener's fault is neither the circuit's nor the next listener's.
            }
        }
    }
}
