namespace PipelineOps;

/// <summary>Reads exceptions for a failure. What they answer is user code too: it may throw, or lead in circles.</summary>
internal static class FailureCauses
{
    private const int MaxCount = 32;

    /// <summary>The chain, the outermost first and each branch of an aggregate before the next; ends after 32 exceptions.</summary>
    public static IReadOnlyList<FailureCause> Of(Exception? error)
    {
        if (error is null)
            return [];

        var causes = new List<FailureCause>();
        var seen = new HashSet<Exception>(ReferenceEqualityComparer.Instance);
        var pending = new Stack<(Exception Exception, int Depth)>();
        pending.Push((error, 0));
        while (causes.Count < MaxCount && pending.TryPop(out (Exception Exception, int Depth) next))
        {
            if (!seen.Add(next.Exception))
                continue;

            causes.Add(new FailureCause(TypeName(next.Exception), Message(next.Exception), next.Depth));
            if (next.Exception is AggregateException aggregate)
            {
                for (int i = Math.Min(aggregate.InnerExceptions.Count, MaxCount) - 1; i >= 0; i--)
                    pending.Push((aggregate.InnerExceptions[i], next.Depth + 1));
            }
            else if (next.Exception.InnerException is { } inner)
            {
                pending.Push((inner, next.Depth + 1));
            }
        }

        return causes;
    }

    /// <summary>The innermost exception; of an aggregate's branches the one whose type is first by name, as which of them failed first is chance.</summary>
    public static Exception Innermost(Exception error)
    {
        for (int i = 0; i < MaxCount && error.InnerException is { } inner; i++)
            error = error is AggregateException aggregate ? aggregate.InnerExceptions.MinBy(TypeName, StringComparer.Ordinal)! : inner;

        return error;
    }

    /// <summary>The type's full name, but without the versions of assemblies that it holds for the arguments of a generic type.</summary>
    public static string TypeName(Exception error) => error.GetType().ToString();

    public static string? Stack(Exception? error)
    {
        try
        {
            return error?.StackTrace;
        }
        catch (Exception exception)
        {
            return $"(its StackTrace threw {TypeName(exception)})";
        }
    }

    public static string Tell(Exception error) => $"{TypeName(error)}: {Message(error)}";

    private static string Message(Exception error) => ErrorMessage.Of(error) ?? "";
}
