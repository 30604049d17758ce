using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PipelineOps;

/// <summary>
/// One named step of a pipeline: wraps a delegate in a total timeout, a concurrency limit, retries, a circuit breaker and an attempt timeout,
/// in this order. Safe for any number of concurrent calls. Make one for each step and keep it: its circuit and its counts live in it.
/// </summary>
/// <remarks>
/// <para>
/// Give the delegate what it needs as <c>state</c> and make it <c>static</c>, and a call allocates nothing. Overloads for <see cref="Task"/>
/// are extension methods in <see cref="PipelineStageTaskExtensions"/>.
/// </para>
/// <para>
/// A record that ends <see cref="Disposition.Returned"/> is still its source's: it was not processed, and the source's position must not move past it.
/// <c>ProcessAllAsync</c> takes care of that; with <c>ProcessAsync</c> and <c>ProcessBatchAsync</c> it is the caller's part.
/// </para>
/// </remarks>
public sealed partial class PipelineStage : IDisposable
{
    private readonly object _reconfiguring = new();
    private readonly StageTelemetry _telemetry;
    private volatile StagePolicy? _policy;

    // Made by the first use: a stage that processes calls only does not pay for the record level.
    private volatile RecordProcessor? _records;
    private volatile RecordLedger? _ledger;
    private Func<RecordReading>? _readRecords;
    private RecoveryOptions _recovery;

    private PipelineStage(string pipeline, string name, StageOptions options)
    {
        TimeProvider timeProvider = options.TimeProvider ?? TimeProvider.System;
        ILogger logger = options.LoggerFactory is { } loggers ? new SafeLogger(loggers.CreateLogger("PipelineOps")) : NullLogger.Instance;
        _telemetry = new StageTelemetry(pipeline, name, TelemetryMeter.For(options.MeterFactory), logger, timeProvider, options.Telemetry.Copy());
        _telemetry.Metrics.ReadConcurrency = ReadConcurrency;
        _telemetry.Metrics.ReadBatchLimit = ReadBatchLimit;
        _policy = BuildPolicy(options, timeProvider, previous: null);
        _recovery = options.Recovery.Copy();
    }

    /// <summary>The stage's name, unique in its pipeline.</summary>
    public string Name => _telemetry.Stage;

    /// <summary>The name of the stage's pipeline.</summary>
    public string Pipeline => _telemetry.Pipeline;

    /// <summary>The stage's circuit breaker; <see langword="null"/> if its options disable it, and after <see cref="Dispose"/>.</summary>
    public CircuitBreaker? Circuit => _policy?.Circuit;

    /// <summary>What became of every record that the stage processed. Consistent at any moment, and readable after <see cref="Dispose"/> too.</summary>
    public RecordAccounting Accounting => _ledger?.Read() ?? default;

    /// <summary>Where the stage keeps the records that fail. Opens the store if that is the stage's part and no failure has yet.</summary>
    /// <exception cref="IOException">The store's folder cannot be opened, or is another process's.</exception>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public IFailureStore FailureStore => Records.Recovery.Store.Open();

    internal StageTelemetry Telemetry => _telemetry;

    internal RecordProcessor Records => _records ?? MakeRecords();

    private StagePolicy Policy
    {
        get
        {
            return _policy ?? Throw(this);

            static StagePolicy Throw(PipelineStage stage) => throw stage.Disposed();
        }
    }

    /// <summary>Makes a stage without a container.</summary>
    /// <param name="pipeline">The pipeline's name.</param>
    /// <param name="name">The stage's name. Names are tags of metrics: letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, at most 100.</param>
    /// <param name="options">How calls are protected; <see langword="null"/> for the defaults.</param>
    /// <exception cref="InvalidOptionsException">A name or an option is out of range; lists them all.</exception>
    public static PipelineStage Create(string pipeline, string name, StageOptions? options = null)
    {
        options ??= new StageOptions();
        var problems = new OptionsProblems();
        PipelineNames.Require(problems, pipeline, "pipeline");
        PipelineNames.Require(problems, name, "stage");
        options.Validate(problems);
        problems.ThrowIfAny();
        return new PipelineStage(pipeline, name, options);
    }

    /// <summary>
    /// Replaces the options. Calls in flight end under the options that they began with. The circuit keeps its state, and starts a new window if it
    /// is closed; a concurrency limit is resized, and calls in flight keep their slots. The clock, the log and the meter stay as they were.
    /// </summary>
    /// <param name="options">The new options.</param>
    /// <exception cref="InvalidOptionsException">An option is out of range; the old ones stay in force.</exception>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public void Reconfigure(StageOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var problems = new OptionsProblems { Prefix = $"{_telemetry.Name}: " };
        options.Validate(problems);
        problems.ThrowIfAny();
        lock (_reconfiguring)
        {
            _policy = BuildPolicy(options, Policy.TimeProvider, Policy);
            _recovery = options.Recovery.Copy();
            _records?.Dispose();
            _records = null;
        }
    }

    /// <summary>Runs the delegate under the stage's protection.</summary>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="action">The delegate; invoked once for each attempt, with a token that obeys the caller and the deadlines.</param>
    /// <param name="state">What the delegate needs.</param>
    /// <param name="cancellationToken">Cancels the call. Cancellation is neutral for the circuit and never retried.</param>
    /// <returns>The delegate's result; when a result rule called the last one a failure and retries are spent, that one.</returns>
    /// <exception cref="CircuitOpenException">The circuit is open.</exception>
    /// <exception cref="ConcurrencyLimitException">Too many calls run and wait.</exception>
    /// <exception cref="StageTimeoutException">A deadline fired.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    /// <exception cref="Exception">What the delegate's last attempt threw, unwrapped and with its own stack.</exception>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public ValueTask<T> ExecuteAsync<TState, T>(
        Func<TState, CancellationToken, ValueTask<T>> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return StageExecutor.Execute(Policy, action, state, cancellationToken);
    }

    /// <inheritdoc cref="ExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    /// <remarks>The delegate also gets the attempt: its number, the last error, and an idempotency key.</remarks>
    public ValueTask<T> ExecuteAsync<TState, T>(
        Func<TState, StageAttempt, CancellationToken, ValueTask<T>> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return StageExecutor.Execute<ValueCall<AttemptInvoker<TState, ValueTask<T>>, T>, T, T, Throwing<T>>(
            Policy, new(new(action, state)), cancellationToken);
    }

    /// <inheritdoc cref="ExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public ValueTask<T> ExecuteAsync<T>(Func<CancellationToken, ValueTask<T>> action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return ExecuteAsync(static (action, token) => action(token), action, cancellationToken);
    }

    /// <inheritdoc cref="ExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public ValueTask ExecuteAsync<TState>(
        Func<TState, CancellationToken, ValueTask> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return WithoutResult(StageExecutor.Execute<VoidCall<StateInvoker<TState, ValueTask>>, None, None, Throwing<None>>(
            Policy, new(new(action, state)), cancellationToken));
    }

    /// <inheritdoc cref="ExecuteAsync{TState, T}(Func{TState, StageAttempt, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public ValueTask ExecuteAsync<TState>(
        Func<TState, StageAttempt, CancellationToken, ValueTask> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return WithoutResult(StageExecutor.Execute<VoidCall<AttemptInvoker<TState, ValueTask>>, None, None, Throwing<None>>(
            Policy, new(new(action, state)), cancellationToken));
    }

    /// <inheritdoc cref="ExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public ValueTask ExecuteAsync(Func<CancellationToken, ValueTask> action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return ExecuteAsync(static (action, token) => action(token), action, cancellationToken);
    }

    /// <summary>Runs the delegate under the stage's protection, and answers a substitute if that fails (graceful degradation).</summary>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="action">The delegate; invoked once for each attempt.</param>
    /// <param name="state">What the delegates need.</param>
    /// <param name="fallback">Invoked once when the call has failed or was rejected, and told how; not when the caller cancelled. What it throws reaches the caller.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public ValueTask<T> ExecuteAsync<TState, T>(
        Func<TState, CancellationToken, ValueTask<T>> action,
        TState state,
        Func<TState, StageResult<T>, CancellationToken, ValueTask<T>> fallback,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(fallback);
        ValueTask<StageResult<T>> pending = TryExecuteAsync(action, state, cancellationToken);
        if (!pending.IsCompletedSuccessfully)
            return AwaitAsync(pending, state, fallback, cancellationToken);

        // A fallback that throws at once throws through the task too, as any delegate.
        StageResult<T> result = pending.Result;
        return result.IsSuccess ? new(result.Value) : AwaitAsync(new(result), state, fallback, cancellationToken);

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        static async ValueTask<T> AwaitAsync(
            ValueTask<StageResult<T>> pending,
            TState state,
            Func<TState, StageResult<T>, CancellationToken, ValueTask<T>> fallback,
            CancellationToken cancellationToken)
        {
            StageResult<T> result = await pending.ConfigureAwait(false);
            return result.IsSuccess ? result.Value : await Degrade(result, state, fallback, cancellationToken).ConfigureAwait(false);
        }

        static ValueTask<T> Degrade(
            StageResult<T> result,
            TState state,
            Func<TState, StageResult<T>, CancellationToken, ValueTask<T>> fallback,
            CancellationToken cancellationToken) =>
            result.Classification.Category == ErrorCategory.Cancelled && cancellationToken.IsCancellationRequested
                ? ValueTask.FromException<T>(result.Error!)
                : fallback(state, result, cancellationToken);
    }

    /// <summary>Runs the delegate under the stage's protection, and answers a given value if that fails (graceful degradation).</summary>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="action">The delegate; invoked once for each attempt.</param>
    /// <param name="state">What the delegate needs.</param>
    /// <param name="fallbackValue">The answer when the call has failed or was rejected; a last result that a rule called a failure is then disposed.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public ValueTask<T> ExecuteAsync<TState, T>(
        Func<TState, CancellationToken, ValueTask<T>> action, TState state, T fallbackValue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return ExecuteAsync(
            static (s, ct) => s.action(s.state, ct),
            (action, state, fallbackValue),
            static (s, failed, _) =>
            {
                (failed.Value as IDisposable)?.Dispose();
                return new ValueTask<T>(s.fallbackValue);
            },
            cancellationToken);
    }

    /// <summary>Runs the delegate under the stage's protection and answers how it ended. Never throws for a failure, a rejection, a deadline or a cancellation.</summary>
    /// <typeparam name="TState">The type of the state.</typeparam>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="action">The delegate; invoked once for each attempt, with a token that obeys the caller and the deadlines.</param>
    /// <param name="state">What the delegate needs.</param>
    /// <param name="cancellationToken">Cancels the call; the result's category is then <see cref="ErrorCategory.Cancelled"/>.</param>
    /// <exception cref="ObjectDisposedException">The stage is disposed.</exception>
    public ValueTask<StageResult<T>> TryExecuteAsync<TState, T>(
        Func<TState, CancellationToken, ValueTask<T>> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return StageExecutor.Execute<ValueCall<StateInvoker<TState, ValueTask<T>>, T>, T, StageResult<T>, Returning<T>>(
            Policy, new(new(action, state)), cancellationToken);
    }

    /// <inheritdoc cref="TryExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    /// <remarks>The delegate also gets the attempt: its number, the last error, and an idempotency key.</remarks>
    public ValueTask<StageResult<T>> TryExecuteAsync<TState, T>(
        Func<TState, StageAttempt, CancellationToken, ValueTask<T>> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return StageExecutor.Execute<ValueCall<AttemptInvoker<TState, ValueTask<T>>, T>, T, StageResult<T>, Returning<T>>(
            Policy, new(new(action, state)), cancellationToken);
    }

    /// <inheritdoc cref="TryExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public ValueTask<StageResult<T>> TryExecuteAsync<T>(Func<CancellationToken, ValueTask<T>> action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return TryExecuteAsync(static (action, token) => action(token), action, cancellationToken);
    }

    /// <inheritdoc cref="TryExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public ValueTask<StageResult> TryExecuteAsync<TState>(
        Func<TState, CancellationToken, ValueTask> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return StageExecutor.Execute<VoidCall<StateInvoker<TState, ValueTask>>, None, StageResult, ReturningNone>(
            Policy, new(new(action, state)), cancellationToken);
    }

    /// <inheritdoc cref="TryExecuteAsync{TState, T}(Func{TState, StageAttempt, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public ValueTask<StageResult> TryExecuteAsync<TState>(
        Func<TState, StageAttempt, CancellationToken, ValueTask> action, TState state, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return StageExecutor.Execute<VoidCall<AttemptInvoker<TState, ValueTask>>, None, StageResult, ReturningNone>(
            Policy, new(new(action, state)), cancellationToken);
    }

    /// <inheritdoc cref="TryExecuteAsync{TState, T}(Func{TState, CancellationToken, ValueTask{T}}, TState, CancellationToken)"/>
    public ValueTask<StageResult> TryExecuteAsync(Func<CancellationToken, ValueTask> action, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(action);
        return TryExecuteAsync(static (action, token) => action(token), action, cancellationToken);
    }

    /// <summary>Refuses further calls. Calls in flight, their retries included, end as if nothing had happened. Disposing twice does nothing.</summary>
    public void Dispose()
    {
        RecordProcessor? records;
        lock (_reconfiguring)
        {
            _policy = null;
            (records, _records) = (_records, null);
        }

        records?.Dispose();
        _telemetry.Logs.Flush();
        if (_readRecords is not null)
            _telemetry.Metrics.RecordsEnd(_readRecords);

        _telemetry.Metrics.Leave();
        _telemetry.OfPipeline.Leave();
    }

    /// <summary>The pipeline's and the stage's name, as in <c>orders/load</c>.</summary>
    public override string ToString() => _telemetry.Name;

    private static ValueTask WithoutResult(ValueTask<None> pending)
    {
        if (!pending.IsCompletedSuccessfully)
            return AwaitAsync(pending);

        _ = pending.Result;
        return default;

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
        static async ValueTask AwaitAsync(ValueTask<None> pending) => await pending.ConfigureAwait(false);
    }

    private void CircuitChanged(CircuitTransition transition)
    {
        _telemetry.Metrics.CircuitChanged(transition);
        _telemetry.Logs.CircuitChanged(transition);
    }

    private ConcurrencyReading? ReadConcurrency() => _policy?.Limiter is { } limiter ? new(limiter.Active, limiter.Queued, limiter.MaxConcurrent) : null;

    private int? ReadBatchLimit() => _records?.Capacity.Limit;

    private RecordProcessor MakeRecords()
    {
        lock (_reconfiguring)
            return _records ??= new RecordProcessor(Policy, _recovery, _ledger ??= MakeLedger());
    }

    private RecordLedger MakeLedger()
    {
        var ledger = new RecordLedger();
        _readRecords = ReaderOf(ledger);
        _telemetry.Metrics.RecordsBegin(_readRecords);
        return ledger;
    }

    // Holds the ledger alone: what it has counted outlives the stage.
    private static Func<RecordReading> ReaderOf(RecordLedger ledger) => () =>
    {
        RecordAccounting accounting = ledger.Read();
        return new([.. Enum.GetValues<Disposition>().Select(disposition => accounting[disposition])], accounting.InFlight);
    };

    private ObjectDisposedException Disposed() => new($"{nameof(PipelineStage)} {_telemetry.Name}");

    private StagePolicy BuildPolicy(StageOptions options, TimeProvider timeProvider, StagePolicy? previous)
    {
        CircuitBreaker? circuit = BuildCircuit(options, timeProvider, previous?.Circuit);
        ConcurrencyOptions concurrency = options.Concurrency;
        if (concurrency.MaxConcurrent is not null)
            _telemetry.Metrics.Limited();

        return new StagePolicy
        {
            Telemetry = _telemetry,
            Metrics = _telemetry.Metrics,
            LogScopes = _telemetry.Logs.WantsScopes,
            TimeProvider = timeProvider,
            Clock = previous?.Clock ?? new CoarseClock(timeProvider),
            Random = GuardedRandom(options.Random),
            ErrorClassifier = options.ErrorClassifier,
            ResultRules = options.ResultRules.Count > 0 ? new ResultRules(options.ResultRules) : null,
            AttemptTimeout = options.AttemptTimeout ?? TimeSpan.Zero,
            TotalTimeout = options.TotalTimeout ?? TimeSpan.Zero,
            HasDeadline = (options.AttemptTimeout ?? options.TotalTimeout) is not null,
            IsPlain = (options.AttemptTimeout ?? options.TotalTimeout) is null && options.Concurrency.MaxConcurrent is null,
            MaxRetries = options.Retry.MaxRetries,
            Backoff = options.Retry.Backoff,
            StandardBackoff = options.Retry.StandardBackoff ?? options.Retry.Backoff,
            Budget = options.Retry.Budget,
            Circuit = circuit,
            WaitWhileCircuitOpen = options.WaitWhileCircuitOpen,
            Limiter = BuildLimiter(concurrency, previous?.Limiter),
            CircuitRejection = circuit is null ? null : new Rejection.ByCircuit(Pipeline, Name, circuit),
            ConcurrencyRejection = concurrency.MaxConcurrent is { } maxConcurrent ? new Rejection.ByConcurrency(Pipeline, Name, maxConcurrent, concurrency.MaxQueued) : null,
        };
    }

    private CircuitBreaker? BuildCircuit(StageOptions options, TimeProvider timeProvider, CircuitBreaker? previous)
    {
        CircuitBreaker? circuit = null;
        if (options.CircuitBreaker.Enabled)
        {
            if (previous is null)
            {
                circuit = new CircuitBreaker(options.CircuitBreaker, timeProvider, GuardedRandom(options.Random));
                circuit.Transitioned += CircuitChanged;
            }
            else
            {
                circuit = previous;
                circuit.Reconfigure(options.CircuitBreaker);
            }
        }

        // Whoever waits for a circuit that the stage has no more would wait for ever: nobody can reset it.
        if (circuit is null)
            previous?.Reset();

        _telemetry.Metrics.Circuit = circuit;
        return circuit;
    }

    // The user's source of chance is asked while a failure is dealt with, and must not replace it with one of its own.
    private Func<double>? GuardedRandom(Func<double>? random) => random is null ? null : () =>
    {
        try
        {
            return random();
        }
        catch (Exception exception)
        {
            // User code: whatever it throws is reported and otherwise ignored.
            _telemetry.Logs.CallbackFailed("source of randomness", exception);
            return Random.Shared.NextDouble();
        }
    };

    private static ConcurrencyLimiter? BuildLimiter(ConcurrencyOptions options, ConcurrencyLimiter? previous)
    {
        if (options.MaxConcurrent is not { } maxConcurrent)
            return null;

        if (previous is null)
            return new ConcurrencyLimiter(maxConcurrent, options.MaxQueued);

        previous.Resize(maxConcurrent, options.MaxQueued);
        return previous;
    }
}
