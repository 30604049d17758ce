namespace PipelineOps;

/// <summary>Adds up what became of the records of stages of one name, those that were disposed of included.</summary>
internal sealed class RecordCounts
{
    private readonly object _gate = new();
    private readonly List<Func<RecordReading>> _live = [];

    // Of stages that were disposed of while records were in flight, until these have ended.
    private readonly List<Func<RecordReading>> _ending = [];
    private readonly long[] _ended = new long[DispositionTag.All.Length];

    /// <summary>A stage begins to process records.</summary>
    public void Add(Func<RecordReading> read)
    {
        lock (_gate)
            _live.Add(read);
    }

    /// <summary>The stage is disposed of: no further records begin.</summary>
    public void End(Func<RecordReading> read)
    {
        lock (_gate)
        {
            if (_live.Remove(read))
                _ending.Add(read);

            Settle();
        }
    }

    public RecordReading Read()
    {
        lock (_gate)
        {
            Settle();
            long[] ended = [.. _ended];
            long inFlight = 0;
            foreach (Func<RecordReading> read in _live.Concat(_ending))
            {
                RecordReading reading = read();
                inFlight += reading.InFlight;
                Add(ended, reading.Ended);
            }

            return new(ended, inFlight);
        }
    }

    private void Settle() => _ending.RemoveAll(read =>
    {
        RecordReading reading = read();
        if (reading.InFlight > 0)
            return false;

        Add(_ended, reading.Ended);
        return true;
    });

    private static void Add(long[] sums, long[] more)
    {
        for (int i = 0; i < sums.Length; i++)
            sums[i] += more[i];
    }
}
