namespace PipelineOps.Tests.Recovery.Batches;

/// <summary>Takes batches of so many records and no more.</summary>
internal sealed class Dependency(BatchCapacity capacity, int takes)
{
    public int Takes { get; set; } = takes;

    public int Failures { get; private set; }

    /// <summary>How many records the calls that failed had.</summary>
    public long Wasted { get; private set; }

    /// <summary>Makes one call.</summary>
    /// <returns>The number of records that it took; zero if it failed.</returns>
    public int Call(int wanted)
    {
        int size = capacity.GetSize(wanted);
        Assert.InRange(size, 1, wanted);
        if (size <= Takes)
        {
            capacity.Succeeded(size);
            return size;
        }

        Failures++;
        Wasted += size;
        Assert.Equal(size > 1, capacity.Failed(size));
        return 0;
    }

    public void Run(int wanted, int batches)
    {
        for (int batch = 0; batch < batches; batch++)
            Call(wanted);
    }
}
