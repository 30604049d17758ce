namespace PipelineOps;

/// <summary>One end-to-end execution over some data: gives failures its id, and counts the records of the <c>ProcessAllAsync</c> calls that it is given to.</summary>
public sealed class PipelineRun
{
    private static readonly AsyncLocal<PipelineRun?> Ambient = new();

    /// <summary>Begins a run.</summary>
    /// <param name="id">Identifies it; <see langword="null"/> for a new id.</param>
    public PipelineRun(string? id = null) => Id = id ?? Guid.NewGuid().ToString("N");

    /// <summary>The run that the current flow of control works for: that of the innermost <see cref="Enter"/>.</summary>
    public static PipelineRun? Current => Ambient.Value;

    /// <summary>Identifies the run in failures.</summary>
    public string Id { get; }

    /// <summary>What became of the run's records.</summary>
    public RecordAccounting Accounting => Ledger.Read();

    internal RecordLedger Ledger { get; } = new();

    /// <summary>Makes this the <see cref="Current"/> run, for this flow of control and those that it starts.</summary>
    /// <returns>Disposing it makes the run before the current one again.</returns>
    public IDisposable Enter()
    {
        var scope = new Scope(Ambient.Value);
        Ambient.Value = this;
        AmbientRun.Id = Id;
        return scope;
    }

    private sealed class Scope(PipelineRun? before) : IDisposable
    {
        public void Dispose()
        {
            Ambient.Value = before;
            AmbientRun.Id = before?.Id;
        }
    }
}
