namespace PipelineOps.Benchmarks.Isolation;

/// <summary>Which of a batch's records are bad: the same layouts at every run.</summary>
internal static class Layouts
{
    private const int OfEachShape = 40;

    public static IEnumerable<bool[]> Of(int count, int k)
    {
        var random = new Random(count * 100 + k);
        for (int i = 0; i < OfEachShape; i++)
        {
            yield return Anywhere(count, k, random);
            yield return Clustered(count, k, random);
            yield return EvenlySpaced(count, k, random.NextDouble());
            yield return AtTheEnds(count, k, atTheStart: i % (k + 1));
        }
    }

    private static bool[] Anywhere(int count, int k, Random random)
    {
        bool[] bad = new bool[count];
        bad.AsSpan(0, k).Fill(true);
        random.Shuffle(bad);
        return bad;
    }

    // From side by side to one of four.
    private static bool[] Clustered(int count, int k, Random random)
    {
        int width = random.Next(k, Math.Min(count, 4 * k) + 1);
        bool[] bad = new bool[count];
        Anywhere(width, k, random).CopyTo(bad, random.Next(count - width + 1));
        return bad;
    }

    private static bool[] EvenlySpaced(int count, int k, double phase)
    {
        bool[] bad = new bool[count];
        for (int i = 0; i < k; i++)
            bad[(int)((i + phase) * count / k)] = true;
        return bad;
    }

    private static bool[] AtTheEnds(int count, int k, int atTheStart)
    {
        bool[] bad = new bool[count];
        bad.AsSpan(0, atTheStart).Fill(true);
        bad.AsSpan(count - (k - atTheStart)).Fill(true);
        return bad;
    }
}
