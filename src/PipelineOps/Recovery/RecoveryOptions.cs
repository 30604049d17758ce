namespace PipelineOps;

/// <summary>What a stage does about records that fail, for the <c>Process…Async</c> methods. Read once, when the stage is built or reconfigured.</summary>
public sealed class RecoveryOptions
{
    private static readonly IReadOnlyDictionary<Type, Func<object, RecordDescription>> NoDescriptions = new Dictionary<Type, Func<object, RecordDescription>>();
    private static readonly IReadOnlyDictionary<RecoveryStrategy, IRecovery> NoRecoveries = new Dictionary<RecoveryStrategy, IRecovery>();

    // Made when needed: every stage keeps a copy of its options.
    private Dictionary<Type, Func<object, RecordDescription>>? _descriptions;
    private Dictionary<RecoveryStrategy, IRecovery>? _recoveries;
    private List<(IFailureNotifier Notifier, NotificationOptions Options)>? _notifiers;

    /// <summary>Where failures are kept.</summary>
    /// <value>
    /// <see langword="null"/> (the default) for the container's <see cref="IFailureStore"/> or, without one, a <see cref="FileFailureStore"/> in
    /// <see cref="FailureFolder"/>, which is opened by the first failure and shared by the process's stages.
    /// </value>
    public IFailureStore? FailureStore { get; set; }

    /// <summary>The folder of the store that is used when <see cref="FailureStore"/> is not set.</summary>
    /// <value>The default is <c>failures</c>, in the current directory.</value>
    public string FailureFolder { get; set; } = "failures";

    /// <summary>
    /// How long a call waits for a failure store that fails, trying again with growing delays, until it gives its record back. Until the store works again
    /// the stage begins no other record. <c>ProcessAllAsync</c> holds what is given back and goes on trying, until its token is cancelled.
    /// </summary>
    /// <value>The default is 30 s; at least zero; <see cref="Timeout.InfiniteTimeSpan"/> to wait as long as it takes.</value>
    public TimeSpan StoreTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How the bytes of a record are kept.</summary>
    public PayloadOptions Payload { get; set; } = new();

    /// <summary>How many records may fail before the run fails.</summary>
    public SkipLimits SkipLimits { get; set; } = new();

    /// <summary>When a failure that keeps coming becomes more severe.</summary>
    public EscalationOptions Escalation { get; set; } = new();

    /// <summary>How bad records of a batch are found, and how its size follows what the dependency takes.</summary>
    public BatchOptions Batches { get; set; } = new();

    internal IReadOnlyDictionary<Type, Func<object, RecordDescription>> Descriptions => _descriptions ?? NoDescriptions;

    internal IReadOnlyDictionary<RecoveryStrategy, IRecovery> Recoveries => _recoveries ?? NoRecoveries;

    internal IReadOnlyList<(IFailureNotifier Notifier, NotificationOptions Options)> Notifiers => _notifiers ?? [];

    /// <summary>Tells what identifies a record and where it stands in its source. Asked for records that failed only.</summary>
    /// <typeparam name="T">The type of the records; also asked for records of a type derived from it that has no description of its own.</typeparam>
    /// <param name="describe">Describes a record. If it throws, that is logged, and the failure is kept without a description.</param>
    /// <returns>The same options.</returns>
    public RecoveryOptions Describe<T>(Func<T, RecordDescription> describe)
    {
        ArgumentNullException.ThrowIfNull(describe);
        (_descriptions ??= [])[typeof(T)] = record => describe((T)record);
        return this;
    }

    /// <summary>Replaces what is done for a strategy.</summary>
    /// <param name="strategy">Any but <see cref="RecoveryStrategy.Propagate"/>, which fails the run.</param>
    /// <param name="recovery">What is done instead.</param>
    /// <returns>The same options.</returns>
    public RecoveryOptions Use(RecoveryStrategy strategy, IRecovery recovery)
    {
        ArgumentNullException.ThrowIfNull(recovery);
        (_recoveries ??= [])[strategy] = recovery;
        return this;
    }

    /// <summary>Tells somebody about failures, from a queue and on a thread of its own: a notifier that blocks or throws holds nothing up.</summary>
    /// <param name="notifier">Whom.</param>
    /// <param name="options">About which failures, and how many may wait; <see langword="null"/> for the defaults.</param>
    /// <returns>The same options.</returns>
    public RecoveryOptions Notify(IFailureNotifier notifier, NotificationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(notifier);
        (_notifiers ??= []).Add((notifier, options ?? new NotificationOptions()));
        return this;
    }

    /// <summary>What the options are now: a stage's record level is made when it is first used, and later changes must not reach it.</summary>
    internal RecoveryOptions Copy()
    {
        var copy = (RecoveryOptions)MemberwiseClone();
        copy.Payload = Payload.Copy();
        copy.SkipLimits = SkipLimits.Copy();
        copy.Escalation = Escalation.Copy();
        copy.Batches = Batches.Copy();
        copy._descriptions = _descriptions is null ? null : new(_descriptions);
        copy._recoveries = _recoveries is null ? null : new(_recoveries);
        copy._notifiers = _notifiers?.ConvertAll(static entry => (entry.Notifier, entry.Options.Copy()));
        return copy;
    }

    internal void Validate(OptionsProblems problems, string prefix)
    {
        problems.Require(!string.IsNullOrWhiteSpace(FailureFolder), $"{prefix}{nameof(FailureFolder)}", $"\"{FailureFolder}\"", "the path of a folder");
        problems.Require(
            StoreTimeout == Timeout.InfiniteTimeSpan || (StoreTimeout >= TimeSpan.Zero && StoreTimeout <= TimeSpan.FromDays(49)),
            $"{prefix}{nameof(StoreTimeout)}",
            StoreTimeout,
            "from 0 to 49 days, or Timeout.InfiniteTimeSpan");
        foreach (RecoveryStrategy strategy in Recoveries.Keys)
            problems.Require(Enum.IsDefined(strategy) && strategy != RecoveryStrategy.Propagate, $"{prefix}{nameof(Use)}", strategy, "a strategy other than Propagate");

        problems.Require(Payload is not null, $"{prefix}{nameof(Payload)}", null, "set");
        problems.Require(SkipLimits is not null, $"{prefix}{nameof(SkipLimits)}", null, "set");
        problems.Require(Escalation is not null, $"{prefix}{nameof(Escalation)}", null, "set");
        problems.Require(Batches is not null, $"{prefix}{nameof(Batches)}", null, "set");
        Payload?.Validate(problems, $"{prefix}{nameof(Payload)}.");
        SkipLimits?.Validate(problems, $"{prefix}{nameof(SkipLimits)}.");
        Escalation?.Validate(problems, $"{prefix}{nameof(Escalation)}.");
        Batches?.Validate(problems, $"{prefix}{nameof(Batches)}.");
        foreach ((_, NotificationOptions options) in Notifiers)
            options.Validate(problems, $"{prefix}{nameof(Notify)}.");
    }
}
