namespace PipelineOps;

/// <summary>
/// Maps an exception to its <see cref="ErrorClassification"/>. Immutable and thread-safe.
/// </summary>
/// <remarks>
/// <para>
/// The walk starts at the outermost exception. Rules are tried in order, the user's before the defaults, and the first that matches
/// decides. An exception that no rule matches, and a wrapper, is judged by its inner exception. Of an <see cref="AggregateException"/>
/// every branch is judged and the worst wins: the higher severity, then the one that no retry can help, then the longer
/// <see cref="ErrorClassification.RetryAfter"/>, then the earlier branch. When nothing matches, the error is
/// <see cref="ErrorCategory.Unknown"/>.
/// </para>
/// <para>The walk goes 64 levels deep and ends after some 1,024 exceptions, whatever the shape of the chain.</para>
/// </remarks>
public sealed class ErrorClassifier
{
    // Far deeper and wider than real chains; small enough for recursion into aggregates to be safe on any stack.
    private const int MaxDepth = 64;
    private const int MaxVisits = 1024;

    private readonly ErrorRule[] _rules;
    private readonly Dictionary<ErrorClassification, ErrorClassification> _replacedDefaults;

    private ErrorClassifier(ErrorClassifierBuilder builder)
    {
        _rules = [.. builder.Rules];
        _replacedDefaults = new(builder.ReplacedDefaults);
    }

    /// <summary>The default rules alone.</summary>
    public static ErrorClassifier Default { get; } = Create(static _ => { });

    /// <summary>Creates a classifier that tries the configured rules, in order, and then the default rules.</summary>
    /// <param name="configure">Adds the rules.</param>
    /// <exception cref="ArgumentNullException"><paramref name="configure"/> is <see langword="null"/>.</exception>
    public static ErrorClassifier Create(Action<ErrorClassifierBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var builder = new ErrorClassifierBuilder();
        configure(builder);
        builder.Map<Exception>(DefaultErrorRules.Classify);
        return new(builder);
    }

    /// <summary>Classifies an exception.</summary>
    /// <param name="exception">What the delegate threw.</param>
    /// <param name="callerToken">
    /// The token of the caller. An <see cref="OperationCanceledException"/> is <see cref="ErrorCategory.Cancelled"/> if and only if this
    /// token is cancelled, whatever the rules say; otherwise a deadline inside the delegate fired, which by default is
    /// <see cref="ErrorCategory.Transient"/>.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="exception"/> is <see langword="null"/>.</exception>
    public ErrorClassification Classify(Exception exception, CancellationToken callerToken = default)
    {
        ArgumentNullException.ThrowIfNull(exception);
        int visitsLeft = MaxVisits;
        return Judge(exception, depth: 0, ref visitsLeft, callerToken);
    }

    private ErrorClassification Judge(Exception? exception, int depth, ref int visitsLeft, CancellationToken callerToken)
    {
        for (; exception is not null && depth < MaxDepth; exception = exception.InnerException)
        {
            depth++;
            visitsLeft--;

            if (exception is OperationCanceledException && callerToken.IsCancellationRequested)
                return WithReplacedDefaults(ErrorClassification.Cancelled);

            if (FirstMatch(exception) is { } answer)
                return WithReplacedDefaults(answer);

            if (exception is AggregateException { InnerExceptions: { Count: > 1 } branches })
            {
                ErrorClassification worst = Judge(branches[0], depth, ref visitsLeft, callerToken);
                for (int i = 1; i < branches.Count && visitsLeft > 0; i++)
                {
                    ErrorClassification branch = Judge(branches[i], depth, ref visitsLeft, callerToken);
                    if (IsWorse(branch, worst))
                        worst = branch;
                }

                return worst;
            }
        }

        return WithReplacedDefaults(ErrorClassification.Unknown);
    }

    private ErrorClassification? FirstMatch(Exception exception)
    {
        foreach (ErrorRule rule in _rules)
        {
            try
            {
                if (rule(exception, out ErrorClassification? answer))
                    return answer;
            }
            catch (Exception)
            {
                // A rule that fails says nothing of the error that it was asked about.
            }
        }

        return null;
    }

    private ErrorClassification WithReplacedDefaults(ErrorClassification answer) =>
        _replacedDefaults.TryGetValue(answer with { RetryAfter = null }, out ErrorClassification replacement)
            ? replacement with { RetryAfter = answer.RetryAfter ?? replacement.RetryAfter }
            : answer;

    private static bool IsWorse(ErrorClassification branch, ErrorClassification than) =>
        (branch.Severity, !branch.IsRetryable, branch.RetryAfter ?? TimeSpan.Zero)
            .CompareTo((than.Severity, !than.IsRetryable, than.RetryAfter ?? TimeSpan.Zero)) > 0;
}
