namespace PipelineOps.Tests.Processing;

/// <summary>A batch handler that fails as a whole, having done nothing, when one of its records is bad or it gets too many. Records are numbers.</summary>
internal sealed class BatchHandling
{
    public HashSet<int> Bad { get; } = [];

    public int Capacity { get; set; } = int.MaxValue;

    public Func<int, Exception> Error { get; init; } = static number => new FormatException($"{number} is bad");

    public List<int[]> Calls { get; } = [];

    public List<int> Done { get; } = [];

    public ValueTask Handle(IReadOnlyList<int> records, CancellationToken token)
    {
        Calls.Add([.. records]);
        if (records.Count > Capacity)
            throw new InsufficientMemoryException($"{records.Count} are too many.");

        foreach (int record in records)
        {
            if (Bad.Contains(record))
                throw Error(record);
        }

        Done.AddRange(records);
        return default;
    }
}
