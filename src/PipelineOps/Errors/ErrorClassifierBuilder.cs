namespace PipelineOps;

/// <summary>Collects the rules of an <see cref="ErrorClassifier"/>. The first rule that matches decides; every rule comes before the defaults.</summary>
/// <remarks>
/// A rule matches its type and the types derived from it, on any exception in the chain. A predicate that throws counts as no match.
/// </remarks>
public sealed class ErrorClassifierBuilder
{
    internal ErrorClassifierBuilder()
    {
    }

    internal List<ErrorRule> Rules { get; } = [];

    internal Dictionary<ErrorClassification, ErrorClassification> ReplacedDefaults { get; } = [];

    /// <summary>Maps a type of exception to the defaults of a category.</summary>
    /// <typeparam name="TException">The type, subclasses included.</typeparam>
    /// <param name="category">The category.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="category"/> is not a named value.</exception>
    public ErrorClassifierBuilder Map<TException>(ErrorCategory category)
        where TException : Exception =>
        Map<TException>(ErrorClassification.For(category));

    /// <summary>Maps a type of exception to a classification.</summary>
    /// <typeparam name="TException">The type, subclasses included.</typeparam>
    /// <param name="classification">What it means.</param>
    public ErrorClassifierBuilder Map<TException>(ErrorClassification classification)
        where TException : Exception =>
        Map<TException>(_ => classification);

    /// <summary>Maps the exceptions of a type that satisfy a predicate to the defaults of a category.</summary>
    /// <typeparam name="TException">The type, subclasses included; <see cref="Exception"/> to judge by the predicate alone.</typeparam>
    /// <param name="predicate">Whether the rule matches this exception.</param>
    /// <param name="category">The category.</param>
    /// <exception cref="ArgumentNullException"><paramref name="predicate"/> is <see langword="null"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="category"/> is not a named value.</exception>
    public ErrorClassifierBuilder Map<TException>(Func<TException, bool> predicate, ErrorCategory category)
        where TException : Exception =>
        Map(predicate, ErrorClassification.For(category));

    /// <summary>Maps the exceptions of a type that satisfy a predicate to a classification.</summary>
    /// <typeparam name="TException">The type, subclasses included; <see cref="Exception"/> to judge by the predicate alone.</typeparam>
    /// <param name="predicate">Whether the rule matches this exception.</param>
    /// <param name="classification">What it means.</param>
    /// <exception cref="ArgumentNullException"><paramref name="predicate"/> is <see langword="null"/>.</exception>
    public ErrorClassifierBuilder Map<TException>(Func<TException, bool> predicate, ErrorClassification classification)
        where TException : Exception
    {
        ArgumentNullException.ThrowIfNull(predicate);
        return Map<TException>(exception => predicate(exception) ? classification : null);
    }

    /// <summary>Lets a function classify the exceptions of a type.</summary>
    /// <typeparam name="TException">The type, subclasses included.</typeparam>
    /// <param name="classify">Returns what the exception means, or <see langword="null"/> to leave it to the next rule.</param>
    /// <exception cref="ArgumentNullException"><paramref name="classify"/> is <see langword="null"/>.</exception>
    public ErrorClassifierBuilder Map<TException>(Func<TException, ErrorClassification?> classify)
        where TException : Exception
    {
        ArgumentNullException.ThrowIfNull(classify);
        Rules.Add((Exception exception, out ErrorClassification? answer) =>
        {
            answer = exception is TException matched ? classify(matched) : null;
            return answer is not null;
        });
        return this;
    }

    /// <summary>
    /// Declares a wrapper: it is judged by what it wraps. Needed only where a later rule, of the user or by default, would match the
    /// wrapper itself, because an exception that no rule matches is passed through anyway.
    /// </summary>
    /// <typeparam name="TException">The type, subclasses included.</typeparam>
    public ErrorClassifierBuilder Transparent<TException>()
        where TException : Exception
    {
        Rules.Add(static (Exception exception, out ErrorClassification? answer) =>
        {
            answer = null;
            return exception is TException;
        });
        return this;
    }

    /// <summary>
    /// Replaces the defaults of a category: a rule, of the user or by default, that answers with the unchanged defaults of
    /// <see cref="ErrorClassification.Category"/> now answers with this. A <see cref="ErrorClassification.RetryAfter"/> that came with the
    /// error is kept.
    /// </summary>
    /// <param name="defaults">The category and its new defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">The category is not a named value.</exception>
    public ErrorClassifierBuilder Category(ErrorClassification defaults)
    {
        ReplacedDefaults[ErrorClassification.For(defaults.Category)] = defaults;
        return this;
    }
}
