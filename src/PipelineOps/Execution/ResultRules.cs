using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>Rules that call a value a failure, one for each type of result.</summary>
internal sealed class ResultRules(IEnumerable<Delegate> rules)
{
    private readonly Delegate[] _rules = [.. rules];

    /// <summary>The rule for results of type <typeparamref name="T"/>: the last one registered for it or for a base of it.</summary>
    public Func<T, ErrorClassification?>? Find<T>()
    {
        for (int i = _rules.Length - 1; i >= 0; i--)
        {
            // The exact type first: it is nearly always that, and the other question goes through the runtime's cast for variant delegates.
            if (_rules[i].GetType() == typeof(Func<T, ErrorClassification?>) || (!typeof(T).IsValueType && _rules[i] is Func<T, ErrorClassification?>))
                return Unsafe.As<Func<T, ErrorClassification?>>(_rules[i]);
        }

        return null;
    }
}
