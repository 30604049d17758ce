namespace PipelineOps;

/// <summary>What became of a record.</summary>
public readonly struct RecordResult
{
    private readonly RecordFailure? _failure;

    internal RecordResult(Disposition disposition, int attempts, RecordFailure? failure = null)
    {
        Disposition = disposition;
        Attempts = attempts;
        _failure = failure;
    }

    /// <summary>Where the record ended. After <see cref="Disposition.Returned"/> it is still its source's: do not move the position past it.</summary>
    public Disposition Disposition { get; }

    /// <summary>Whether the handler did its work.</summary>
    public bool IsSuccess => Disposition == Disposition.Succeeded;

    /// <summary>Whether the record is settled, so that the source's position may move past it: anything but returned.</summary>
    public bool IsSettled => Disposition != Disposition.Returned;

    /// <summary>What whoever reads the source does next.</summary>
    public NextAction Next => _failure?.Next ?? NextAction.Continue;

    /// <summary>What the last attempt threw; <see langword="null"/> after a success and after a failure by result.</summary>
    public Exception? Error => _failure?.Error;

    /// <summary>What the failure means; the default after a success.</summary>
    public ErrorClassification Classification => _failure?.Classification ?? default;

    /// <summary>Why the record did not succeed; <see langword="null"/> if it did, or was filtered.</summary>
    public DispositionReason? Reason => Disposition is Disposition.Succeeded or Disposition.Filtered ? null : _failure?.Reason;

    /// <summary>What is kept in the failure store; <see langword="null"/> if nothing is.</summary>
    public FailureRecord? Failure => _failure?.Kept;

    /// <summary>Why the failure could not be kept, so that the record was returned; <see langword="null"/> if it could.</summary>
    public Exception? StoreError => _failure?.StoreError;

    /// <summary>Which limit was crossed, in a sentence with its figures, when the run is to fail for too many skipped records; otherwise <see langword="null"/>.</summary>
    public string? Problem => _failure?.Problem;

    /// <summary>How often the handler was invoked; 0 if the stage refused the call.</summary>
    public int Attempts { get; }

    /// <summary>The same record given back, because nothing could be kept of it.</summary>
    internal RecordResult Unkept(Func<RecordFailure, RecordFailure> change) => new(Disposition.Returned, Attempts, change(_failure! with { Kept = null }));

    /// <summary>The same record, after which the run fails.</summary>
    internal RecordResult FailingRun(string problem) =>
        new(Disposition, Attempts, (_failure ?? new RecordFailure(null, default, default, default)) with { Next = NextAction.FailRun, Problem = problem });

    /// <summary>The disposition, and why.</summary>
    public override string ToString() => Reason is { } reason ? $"{Disposition} ({reason})" : Disposition.ToString();
}
