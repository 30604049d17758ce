namespace PipelineOps;

/// <summary>Finds what was registered for a type, or for what is nearest to it: the type itself, else its nearest base class, else an interface, else <see cref="object"/>.</summary>
internal static class NearestType
{
    public static T? Find<T>(KeyValuePair<Type, T>[] registered, Type type)
        where T : class
    {
        Type? best = null;
        T? found = null;
        foreach ((Type candidate, T value) in registered)
        {
            if (candidate.IsAssignableFrom(type) && (best is null || IsNearer(candidate, best)))
                (best, found) = (candidate, value);
        }

        return found;
    }

    private static bool IsNearer(Type candidate, Type best) =>
        Nearness(candidate) == Nearness(best) ? best.IsAssignableFrom(candidate) : Nearness(candidate) > Nearness(best);

    private static int Nearness(Type candidate) => candidate == typeof(object) ? 0 : candidate.IsInterface ? 1 : 2;
}
