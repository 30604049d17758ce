namespace ApiDocs.Enrichment;

/// <summary>How the catalog treats requests for a type.</summary>
internal enum Fate
{
    Healthy,

    /// <summary>503 with Retry-After, once.</summary>
    Busy,

    /// <summary>The connection is reset in the middle of the answer, once.</summary>
    Reset,

    /// <summary>The same, twice.</summary>
    ResetTwice,

    /// <summary>The answer comes later than a caller waits, once.</summary>
    Slow,

    /// <summary>500, always: the retries end in a dead letter.</summary>
    Broken,

    /// <summary>422, always: the type is refused, so its members are quarantined.</summary>
    Refused,
}

internal static class Fates
{
    /// <summary>A pure function of the name: about 3 % of the types meet a fault that passes, 1 % one that does not.</summary>
    public static Fate Of(string type)
    {
        // FNV-1a, because string.GetHashCode differs from process to process.
        uint hash = 2166136261;
        foreach (char c in type)
            hash = (hash ^ c) * 16777619;

        return (((hash >> 16) ^ (hash & 0xFFFF)) % 1000) switch
        {
            < 8 => Fate.Busy,
            < 16 => Fate.Reset,
            < 24 => Fate.ResetTwice,
            < 30 => Fate.Slow,
            < 35 => Fate.Broken,
            < 40 => Fate.Refused,
            _ => Fate.Healthy,
        };
    }
}
