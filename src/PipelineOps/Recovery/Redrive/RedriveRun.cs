namespace PipelineOps;

/// <summary>One run over open failures: claims them, sends them one after the other, and tells the store what became of each.</summary>
internal sealed class RedriveRun(IFailureStore store, RedriveOptions options, bool resumes, TimeProvider timeProvider)
{
    private const int MaxErrors = 100;

    private readonly RedrivePace _pace = new(options.MaxPerSecond, timeProvider);
    private readonly FailureClaims _claims = new(store, options.Filter, options.Actor, options.Lease, timeProvider);
    private readonly List<RedriveError> _errors = [];
    private RedriveSummary _summary = new();
    private int _consecutiveErrors;

    /// <summary>Says what <see cref="SendAsync"/> would send.</summary>
    public async ValueTask<RedriveSummary> PlanAsync(CancellationToken cancellationToken)
    {
        List<Guid> planned = [];
        _summary = _summary with { IsDryRun = true };
        if (options.Filter.Status is null or FailureStatus.Open)
        {
            FailureFilter open = options.Filter with { Status = FailureStatus.Open };
            await foreach (StoredFailure failure in store.ReadAsync(open, cancellationToken).ConfigureAwait(false))
            {
                // A store does not let anybody claim these.
                if (failure is { Record.Disposition: Disposition.Parked, Decision: null } || !Choose(failure))
                    continue;

                planned.Add(failure.Record.Id);
                if (planned.Count == options.MaxCount)
                    break;
            }
        }

        return _summary with { Sent = planned.Count, Planned = planned };
    }

    public async ValueTask<RedriveSummary> SendAsync(
        Func<StoredFailure, CancellationToken, ValueTask<RedriveOutcome>> process, CancellationToken cancellationToken)
    {
        try
        {
            while (!_summary.IsStopped && (options.MaxCount ?? int.MaxValue) > _summary.Sent && await NextAsync(cancellationToken).ConfigureAwait(false) is { } failure)
                await SendOneAsync(failure, process, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await _claims.ReleaseAllAsync().ConfigureAwait(false);
        }

        return _summary with { Errors = _errors };
    }

    private async ValueTask<StoredFailure?> NextAsync(CancellationToken cancellationToken)
    {
        bool waited = false;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = Math.Min(options.ClaimSize, Math.Min(_pace.CountWithin(options.Lease / 2), (options.MaxCount ?? int.MaxValue) - _summary.Sent));
            if (await _claims.NextAsync(count, cancellationToken).ConfigureAwait(false) is not { } failure)
                return null;

            if (!Choose(failure))
            {
                _claims.Hold(failure);
                continue;
            }

            if (waited)
                return failure;

            try
            {
                await _pace.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                _claims.Hold(failure);
                throw;
            }

            waited = true;
            if (_claims.IsFresh)
                return failure;

            await _claims.GiveBackAsync(failure).ConfigureAwait(false);
        }
    }

    private async ValueTask SendOneAsync(
        StoredFailure failure, Func<StoredFailure, CancellationToken, ValueTask<RedriveOutcome>> process, CancellationToken cancellationToken)
    {
        RedriveOutcome outcome;
        _summary = _summary with { Sent = _summary.Sent + 1 };
        try
        {
            outcome = await process(failure, cancellationToken).ConfigureAwait(false);
            _consecutiveErrors = 0;
        }
        catch (Exception exception)
        {
            _claims.Hold(failure);
            if (exception is OperationCanceledException && cancellationToken.IsCancellationRequested)
                throw;

            _summary = _summary with { Failed = _summary.Failed + 1, IsStopped = ++_consecutiveErrors >= options.MaxConsecutiveErrors };
            if (_errors.Count < MaxErrors)
                _errors.Add(new RedriveError(failure.Record.Id, exception));
            return;
        }

        if (outcome is RedriveOutcome.Leave)
        {
            _claims.Hold(failure);
            _summary = _summary with { Left = _summary.Left + 1 };
            return;
        }

        bool discard = outcome is RedriveOutcome.Discard;
        var resolution = new FailureResolution(
            discard ? FailureStatus.Discarded : FailureStatus.Redriven,
            resumes ? failure.Decision?.Actor ?? options.Actor : options.Actor,
            timeProvider.GetUtcNow(),
            failure.Decision?.Reason);
        if (!await _claims.ResolveAsync(failure, resolution).ConfigureAwait(false))
            _summary = _summary with { ClaimsLost = _summary.ClaimsLost + 1 };
        else if (discard)
            _summary = _summary with { Discarded = _summary.Discarded + 1 };
        else if (outcome is RedriveOutcome.FailedAgain)
            _summary = _summary with { FailedAgain = _summary.FailedAgain + 1 };
        else
            _summary = _summary with { Redriven = _summary.Redriven + 1 };
    }

    // Whether it is sent; counts it if not.
    private bool Choose(StoredFailure failure)
    {
        if (!resumes && failure.Decision?.Kind == FailureDecisionKind.Approve)
            _summary = _summary with { Approved = _summary.Approved + 1 };
        else if (failure.Record.RedriveCount >= options.MaxRedrives)
            _summary = _summary with { Capped = _summary.Capped + 1 };
        else
            return true;

        return false;
    }
}
