namespace PipelineOps.Tests.Recovery.Batches;

/// <summary>Makes the calls that an isolation asks for, and holds everything it says against them.</summary>
internal sealed class IsolationRun
{
    private readonly int[] _successes;
    private readonly int[] _ownFailures;

    // Where the next call has to begin: everything before has succeeded or failed alone.
    private int _position;

    public IsolationRun(BatchIsolation isolation, Func<int, int, bool> fails)
    {
        Isolation = isolation;
        _successes = new int[isolation.Count];
        _ownFailures = new int[isolation.Count];
        if (isolation.Count == 1)
            _ownFailures[0] = 1;

        while (isolation.TryGetNext(out int start, out int length))
        {
            Assert.Equal(_position, start);
            Assert.InRange(length, 1, isolation.Count - start);
            bool failed = fails(start, length);
            Calls.Add((start, length, failed));
            if (failed)
                isolation.Failed();
            else
                isolation.Succeeded();

            if (failed && length == 1)
                _ownFailures[start]++;
            else if (!failed)
            {
                foreach (ref int successes in _successes.AsSpan(start, length))
                    successes++;
            }

            if (!failed || length == 1)
                _position += length;
        }
    }

    public BatchIsolation Isolation { get; }

    /// <summary>The calls in their order, without the one of the whole batch.</summary>
    public List<(int Start, int Length, bool Failed)> Calls { get; } = [];

    /// <summary>A batch whose calls fail where they contain a bad record, and only there.</summary>
    public static IsolationRun Of(bool[] bad, BatchOptions? options = null)
    {
        int[] badBefore = new int[bad.Length + 1];
        for (int i = 0; i < bad.Length; i++)
            badBefore[i + 1] = badBefore[i] + (bad[i] ? 1 : 0);

        return new IsolationRun(new BatchIsolation(bad.Length, options), (start, length) => badBefore[start + length] > badBefore[start]).Checked();
    }

    /// <summary>What holds however the calls ended and the search too.</summary>
    public IsolationRun Checked()
    {
        BatchIsolation it = Isolation;
        Assert.NotEqual(IsolationOutcome.Searching, it.Outcome);
        Assert.Equal(Calls.Count + 1, it.Calls);
        Assert.Equal(it.Outcome == IsolationOutcome.Completed, it.Settled == it.Count);

        // A record that has its verdict succeeded once, or failed alone once and not otherwise; the rest is whole.
        var poison = it.Poison.ToHashSet();
        for (int record = 0; record < it.Count; record++)
        {
            Assert.Equal(record < it.Settled && !poison.Contains(record) ? 1 : 0, _successes[record]);
            Assert.True(!poison.Contains(record) || (_ownFailures[record] == 1 && record < it.Settled));
        }

        Assert.Equal(it.Poison.Order().Distinct(), it.Poison);
        Assert.True(it.Poison.Count == 0 || Calls.Exists(static call => !call.Failed));

        // Whatever else failed alone is a suspect: nobody has to ask which errors to keep.
        Assert.Equal(Enumerable.Range(0, it.Count).Where(record => _ownFailures[record] > 0 && !poison.Contains(record)), it.Suspects);
        Assert.Equal(Enumerable.Range(it.Settled, it.Suspects.Count), it.Suspects);
        return this;
    }
}
