using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>
/// The one place where a stage's policies meet, in this order: total timeout, concurrency limit, retry, circuit breaker, attempt timeout,
/// delegate. The policies are fields of <see cref="StagePolicy"/>, not layers: a call whose first attempt succeeds synchronously needs no state
/// machine, every other one a single pooled one.
/// </summary>
internal static class StageExecutor
{
    /// <summary>Runs any kind of delegate to any shape of result.</summary>
    public static ValueTask<TOut> Execute<TCall, T, TOut, TShape>(StagePolicy policy, TCall call, CancellationToken cancellationToken)
        where TCall : struct, IStageCall<T>
        where TShape : struct, IResultShape<T, TOut>
    {
        CallProgress progress = default;
        if (StageSpans.IsTracing)
            progress.Span = policy.Telemetry.Spans.CreateCall(policy.Telemetry.Origins.Any ? call.Subject : default);

        switch (Begin(policy, ref progress, TShape.TellsDuration, cancellationToken, out CancellationToken token))
        {
            case CallStart.Rejected:
                return TShape.Rejected(policy.CircuitRejection!);
            case CallStart.Deferred:
                return Defer<TCall, T, TOut, TShape>(policy, call, progress, cancellationToken);
        }

        call.Start(attempt: 1, lastError: null, token);
        if (!call.IsCompletedSuccessfully || policy.JudgesResults<T>())
            return RunAsync<TCall, T, TOut, TShape>(policy, call, progress, cancellationToken);

        T value = call.GetResult();
        return new(TShape.Success(value, 1, Succeed(policy, in progress, TShape.TellsDuration)));
    }

    /// <summary>
    /// The same for the commonest kind of delegate. Written out because the state's type is mostly a class, and code shared by all classes reaches
    /// a struct's methods through a table: calling the delegate directly saves a third of a healthy call.
    /// </summary>
    public static ValueTask<T> Execute<TState, T>(
        StagePolicy policy, Func<TState, CancellationToken, ValueTask<T>> action, TState state, CancellationToken cancellationToken)
    {
        CallProgress progress = default;
        ValueTask<T> pending = default;
        if (StageSpans.IsTracing)
            progress.Span = policy.Telemetry.Spans.CreateCall(default);

        switch (Begin(policy, ref progress, timed: false, cancellationToken, out CancellationToken token))
        {
            case CallStart.Rejected:
                return Throwing<T>.Rejected(policy.CircuitRejection!);
            case CallStart.Begun:
                try
                {
                    pending = action(state, token);
                }
                catch (Exception exception)
                {
                    // Whatever the delegate throws is classified.
                    pending = ValueTask.FromException<T>(exception);
                }

                if (pending.IsCompletedSuccessfully && !policy.JudgesResults<T>())
                {
                    Succeed(policy, in progress, tellDuration: false);
                    return pending;
                }

                break;
            case CallStart.Deferred:
                return Defer<ValueCall<StateInvoker<TState, ValueTask<T>>, T>, T, T, Throwing<T>>(policy, new(new(action, state)), progress, cancellationToken);
        }

        return RunAsync<ValueCall<StateInvoker<TState, ValueTask<T>>, T>, T, T, Throwing<T>>(
            policy, new(new(action, state), pending), progress, cancellationToken);
    }

    /// <summary>The same for the commonest handler of records. Answers whether it succeeded at once; if not, <paramref name="pending"/> is the rest of the call.</summary>
    public static bool TryComplete<TRecord>(
        StagePolicy policy,
        Func<TRecord, CancellationToken, ValueTask> handler,
        TRecord record,
        CancellationToken cancellationToken,
        out ValueTask<CallEnd<None>> pending)
    {
        CallProgress progress = default;
        ValueTask attempt = default;
        if (StageSpans.IsTracing)
            progress.Span = policy.Telemetry.Spans.CreateCall(policy.Telemetry.Origins.Any ? new(record, IsBatch: false) : default);

        // Large, and read by nobody after a success.
        Unsafe.SkipInit(out pending);
        switch (Begin(policy, ref progress, timed: false, cancellationToken, out CancellationToken token))
        {
            case CallStart.Rejected:
                pending = Recording<None>.Rejected(policy.CircuitRejection!);
                return false;
            case CallStart.Begun:
                try
                {
                    attempt = RecordHandler.Invoke(handler, record, token);
                }
                catch (Exception exception)
                {
                    // Whatever the delegate throws is classified.
                    attempt = ValueTask.FromException(exception);
                }

                if (attempt.IsCompletedSuccessfully && !policy.JudgesResults<None>())
                {
                    // Gives a pooled source back; of a task this does nothing.
                    attempt.GetAwaiter().GetResult();
                    Succeed(policy, in progress, tellDuration: false);
                    return true;
                }

                break;
            case CallStart.Deferred:
                pending = Defer<VoidCall<HandlerInvoker<TRecord>>, None, CallEnd<None>, Recording<None>>(policy, new(new(handler, record)), progress, cancellationToken);
                return false;
        }

        pending = RunAsync<VoidCall<HandlerInvoker<TRecord>>, None, CallEnd<None>, Recording<None>>(
            policy, new(new(handler, record), attempt), progress, cancellationToken);
        return false;
    }

    /// <summary>Acquires and arms what the first attempt needs, unless that takes a wait.</summary>
    private static CallStart Begin(
        StagePolicy policy, ref CallProgress progress, bool timed, CancellationToken callerToken, out CancellationToken token)
    {
        if (progress.Span is null && !callerToken.IsCancellationRequested && !policy.LogScopes)
            return Acquire(policy, ref progress, timed, callerToken, out token);

        // A span and a scope change the caller's execution context, which is to be given back.
        token = callerToken;
        return CallStart.Deferred;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static CallStart Acquire(
        StagePolicy policy, ref CallProgress progress, bool timed, CancellationToken callerToken, out CancellationToken token)
    {
        token = callerToken;
        if (policy.Limiter is { } limiter && !(progress.HoldsSlot = limiter.TryAcquire()))
            return CallStart.Deferred;

        if (policy.Circuit is { } circuit && !circuit.TryAcquire(out progress.Permit))
        {
            if (policy.WaitWhileCircuitOpen)
                return CallStart.Deferred;

            if (progress.HoldsSlot)
                policy.Limiter!.Release();

            policy.Metrics.CircuitRejected();
            return CallStart.Rejected;
        }

        progress.Attempts = 1;
        progress.IsMetered = policy.Metrics.IsMetering;
        if (timed || progress.IsMetered || progress.Permit.WantsDuration)
            StartClock(policy, ref progress);

        if (policy.HasDeadline)
        {
            progress.StartMilliseconds = policy.Clock.Milliseconds;
            token = progress.Arm(policy, policy.TotalTimeout > TimeSpan.Zero ? policy.TotalTimeout : TimeSpan.MaxValue, callerToken);
        }

        return CallStart.Begun;
    }

    private static void StartClock(StagePolicy policy, ref CallProgress progress)
    {
        progress.IsTimed = true;
        progress.StartTimestamp = policy.TimeProvider.GetTimestamp();
        if (progress.IsMetered)
            progress.IsCounted = policy.Metrics.TryCountBegin();
    }

    /// <summary>
    /// A call that is traced, or that could not begin at once. One that is only traced needs no state machine either: the execution context that its span changes is
    /// given back here, as an async method would.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ValueTask<TOut> Defer<TCall, T, TOut, TShape>(StagePolicy policy, TCall call, CallProgress progress, CancellationToken cancellationToken)
        where TCall : struct, IStageCall<T>
        where TShape : struct, IResultShape<T, TOut>
    {
        // Without a context to give back, as where its flow is suppressed, it takes an async method after all.
        if (progress.Span is not { } span || cancellationToken.IsCancellationRequested || policy.LogScopes
            || policy.Telemetry.Spans.Attempts == AttemptSpans.Always || ExecutionContext.Capture() is not { } context)
        {
            return RunAsync<TCall, T, TOut, TShape>(policy, call, progress, cancellationToken);
        }

        try
        {
            policy.Telemetry.Spans.StartCall(span, call.Subject);
            switch (Acquire(policy, ref progress, TShape.TellsDuration, cancellationToken, out CancellationToken token))
            {
                case CallStart.Rejected:
                    policy.Telemetry.Spans.CircuitRejected(span, policy.Circuit!.RetryAfter);
                    policy.Telemetry.Spans.EndCall(span, 0, elapsed: 0, policy.CircuitRejection!.ErrorType, error: null);
                    return TShape.Rejected(policy.CircuitRejection!);
                case CallStart.Begun:
                    call.Start(attempt: 1, lastError: null, token);
                    if (call.IsCompletedSuccessfully && !policy.JudgesResults<T>())
                    {
                        T value = call.GetResult();
                        return new(TShape.Success(value, 1, Succeed(policy, in progress, TShape.TellsDuration)));
                    }

                    if (!progress.IsTimed)
                    {
                        progress.IsTimed = true;
                        progress.StartTimestamp = policy.Telemetry.Spans.StartTimestampOf(span);
                    }

                    break;
            }

            return RunAsync<TCall, T, TOut, TShape>(policy, call, progress, cancellationToken);
        }
        finally
        {
            ExecutionContext.Restore(context);
        }
    }

    /// <summary>Gives back what a call held whose first attempt succeeded at once, reports it, and answers its duration if that is asked for.</summary>
    private static TimeSpan Succeed(StagePolicy policy, in CallProgress progress, bool tellDuration)
    {
        if (!policy.IsPlain)
        {
            progress.Lease.Dispose();
            if (progress.HoldsSlot)
                policy.Limiter!.Release();
        }

        policy.Budget?.Deposit();
        if (!progress.IsTimed)
        {
            progress.Permit.Success();
            if (progress.Span is { } untimed)
                policy.Telemetry.Spans.EndCall(untimed, attempts: 1);

            return TimeSpan.Zero;
        }

        long elapsed = policy.TimeProvider.GetTimestamp() - progress.StartTimestamp;
        TimeSpan duration = tellDuration || progress.Permit.WantsDuration ? policy.Telemetry.ToTimeSpan(elapsed) : default;
        progress.Permit.Success(duration);
        if (progress.IsMetered)
        {
            policy.Metrics.AttemptSucceeded(elapsed);
            policy.Metrics.CallSucceeded(elapsed, attempts: 1, progress.IsCounted);
        }

        // Last, so that what is measured is measured within the span.
        if (progress.Span is { } span)
            policy.Telemetry.Spans.EndCall(span, attempts: 1, elapsed);

        return duration;
    }

    /// <summary>Whatever does not end at once: the rest of a call whose first attempt has begun, or the whole of it.</summary>
    /// <param name="policy">The stage's policies.</param>
    /// <param name="call">The delegate, with its attempt in flight if <paramref name="progress"/> tells of one.</param>
    /// <param name="progress">How far the call is.</param>
    /// <param name="cancellationToken">The caller's token.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<TOut> RunAsync<TCall, T, TOut, TShape>(
        StagePolicy policy, TCall call, CallProgress progress, CancellationToken cancellationToken)
        where TCall : struct, IStageCall<T>
        where TShape : struct, IResultShape<T, TOut>
    {
        IDisposable? scope = null;
        try
        {
            bool inFlight = progress.Attempts > 0;
            if (!inFlight)
            {
                if (progress.Span is { } created && created.StartTimeUtc == default)
                    policy.Telemetry.Spans.StartCall(created, call.Subject);

                if (policy.LogScopes)
                    scope = policy.Telemetry.Logs.BeginScope(call.Subject);

                Prepare(policy, ref progress, TShape.TellsDuration || progress.Span is not null);
                if (cancellationToken.IsCancellationRequested)
                    return End<T, TOut, TShape>(policy, in progress, default, CancelledBefore(cancellationToken));

                if (!progress.HoldsSlot && policy.Limiter is { } limiter && !(progress.HoldsSlot = limiter.TryAcquire()))
                {
                    if (await StageWaits.ForSlotAsync(policy, limiter, progress.Remaining(policy), progress.Span, cancellationToken).ConfigureAwait(false) is { } refused)
                        return End<T, TOut, TShape>(policy, in progress, default, refused);

                    progress.HoldsSlot = true;
                }
            }

            Func<T, ErrorClassification?>? rule = policy.ResultRules?.Find<T>();
            T? value = default;
            AttemptFailure failure = default;
            AttemptClock attempt = new(progress.StartTimestamp);
            TimeSpan delay = TimeSpan.Zero;
            List<FailureAttempt>? failedAttempts = null;
            while (true)
            {
                if (!inFlight)
                {
                    if (policy.Circuit is { } circuit && !circuit.TryAcquire(out progress.Permit))
                    {
                        (progress.Permit, CallFailure? refused) = await StageWaits
                            .ForCircuitAsync(policy, circuit, progress.Remaining(policy), failure.Error, progress.Span, cancellationToken).ConfigureAwait(false);

                        // What the dependency answered says more than that its circuit opened meanwhile.
                        if (refused is Rejection && progress.Attempts > 0)
                            refused = new CallFailure(failure, failedAttempts);

                        if (refused is not null)
                            return End<T, TOut, TShape>(policy, in progress, value, refused);
                    }

                    Discard(policy, value);
                    value = default;
                    if (progress.Attempts > 0)
                        policy.Metrics.RetryStarted(failure.Classification.Category);

                    progress.Attempts++;
                    attempt.Begin(policy, in progress, delay);
                    CancellationToken token = progress.Arm(policy, progress.Remaining(policy), cancellationToken);
                    call.Start(progress.Attempts, failure.Error, token);
                }

                inFlight = false;
                if (!call.IsCompleted)
                    await new Completion<TCall, T>(call);

                StageTimeoutKind? timeout = progress.Lease.FiredDeadline;
                progress.Lease.Dispose();
                attempt.Stop(policy, in progress);
                if (!call.IsCompletedSuccessfully)
                {
                    failure = Judge(policy, call.GetError(), timeout, cancellationToken);
                }
                else if (!IsFailure(policy, rule, value = call.GetResult(), out failure))
                {
                    progress.Permit.Success(attempt.Duration);
                    policy.Budget?.Deposit();
                    attempt.Succeed(policy, in progress);
                    return End<T, TOut, TShape>(policy, in progress, value, attempt.Ended);
                }

                attempt.Fail(policy, in progress, in failure);
                if (TShape.TellsAttempts)
                    (failedAttempts ??= []).Add(new(progress.Attempts, policy.TimeProvider.GetUtcNow(), delay, failure.ErrorType));

                if (failure.Classification.Circuit == CircuitEffect.Failure)
                    progress.Permit.Failure(attempt.Duration);
                else
                    progress.Permit.Neutral();

                if (!RetryPlan.TryMake(policy, in progress, in failure, call.Subject, ref delay))
                    return End<T, TOut, TShape>(policy, in progress, value, new CallFailure(failure, failedAttempts));

                attempt.TellAfterwards(policy, in progress, in failure);
                if (delay > TimeSpan.Zero)
                    await Task.Delay(delay, policy.TimeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

                if (cancellationToken.IsCancellationRequested)
                    return End<T, TOut, TShape>(policy, in progress, value, StageWaits.Cancelled(policy, failure.Error, cancellationToken));
            }
        }
        finally
        {
            if (progress.HoldsSlot)
                policy.Limiter!.Release();

            scope?.Dispose();
        }
    }

    // What Begin does in between, for the calls that did not come through it: sharing it costs the healthy call a nanosecond in seventeen.
    private static void Prepare(StagePolicy policy, ref CallProgress progress, bool timed)
    {
        progress.IsMetered = policy.Metrics.IsMetering;
        if (timed || progress.IsMetered)
            StartClock(policy, ref progress);

        if (policy.TotalTimeout > TimeSpan.Zero)
            progress.StartMilliseconds = policy.Clock.Milliseconds;
    }

    /// <summary>Says what an attempt's exception is and means.</summary>
    private static AttemptFailure Judge(StagePolicy policy, Exception error, StageTimeoutKind? timeout, CancellationToken cancellationToken)
    {
        if (timeout is { } kind && error is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            error = policy.TimedOut(kind, error);

        // The caller's cancellation explains any error: a driver may answer it with an exception of another type.
        return new(error, cancellationToken.IsCancellationRequested ? ErrorClassification.Cancelled : policy.ErrorClassifier.Classify(error, cancellationToken));
    }

    /// <summary>Asks the rule for this type of result, if there is one. A rule that throws accepts the value: a callback must not change an outcome.</summary>
    private static bool IsFailure<T>(StagePolicy policy, Func<T, ErrorClassification?>? rule, T value, out AttemptFailure failure)
    {
        failure = default;
        if (rule is null)
            return false;

        try
        {
            if (rule(value) is not { } classification)
                return false;

            failure = new(null, classification);
            return true;
        }
        catch (Exception exception)
        {
            // User code: whatever it throws is reported and otherwise ignored.
            policy.Telemetry.Logs.CallbackFailed("result rule", exception);
            return false;
        }
    }

    private static CallFailure CancelledBefore(CancellationToken cancellationToken) =>
        new(new OperationCanceledException(cancellationToken), ErrorClassification.Cancelled);

    private static TOut End<T, TOut, TShape>(StagePolicy policy, in CallProgress progress, T value, long ended)
        where TShape : struct, IResultShape<T, TOut>
    {
        if (!progress.IsTimed)
            return TShape.Success(value, progress.Attempts, TimeSpan.Zero);

        long elapsed = (ended != 0 ? ended : policy.TimeProvider.GetTimestamp()) - progress.StartTimestamp;
        if (progress.IsMetered)
            policy.Metrics.CallSucceeded(elapsed, progress.Attempts, progress.IsCounted);

        if (progress.Span is { } span)
            policy.Telemetry.Spans.EndCall(span, progress.Attempts, elapsed);

        return TShape.Success(value, progress.Attempts, policy.Telemetry.ToTimeSpan(elapsed));
    }

    private static TOut End<T, TOut, TShape>(StagePolicy policy, in CallProgress progress, T? value, CallFailure failure)
        where TShape : struct, IResultShape<T, TOut>
    {
        if (!failure.IsByResult)
        {
            // Nobody sees a result that an exception has overtaken.
            Discard(policy, value);
            value = default;
        }

        TimeSpan duration = TimeSpan.Zero;
        if (progress.IsTimed)
        {
            long elapsed = policy.TimeProvider.GetTimestamp() - progress.StartTimestamp;
            if (failure is not Rejection)
                duration = policy.Telemetry.ToTimeSpan(elapsed);

            if (progress.IsMetered && progress.Attempts > 0)
                policy.Metrics.CallFailed(elapsed, progress.Attempts, failure.ErrorType, progress.IsCounted);
            else if (progress.IsCounted)
                policy.Metrics.CallEndedUnattempted();

            if (progress.Span is { } span)
            {
                // A rejection is the stage's and has no exception yet.
                policy.Telemetry.Spans.EndCall(span, progress.Attempts, elapsed, failure.ErrorType, failure is Rejection ? null : failure.ToException());
                if (failure is not Rejection)
                    failure.Span = span.Context;
            }
        }

        return TShape.Failure(value, failure, progress.Attempts, duration);
    }

    /// <summary>Disposes a result that a rule called a failure and that nobody will see, such as a response that is asked for again.</summary>
    private static void Discard<T>(StagePolicy policy, T? value)
    {
        if (value is not IDisposable disposable)
            return;

        try
        {
            disposable.Dispose();
        }
        catch (Exception exception)
        {
            // User code: whatever it throws is reported and otherwise ignored.
            policy.Telemetry.Logs.CallbackFailed("disposal of a discarded result", exception);
        }
    }
}
