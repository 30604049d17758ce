using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace PipelineOps;

/// <summary>A meter with all that is measured by it: one for each factory of meters, and one for what is made without a factory.</summary>
internal sealed class TelemetryMeter
{
    private static readonly ConditionalWeakTable<IMeterFactory, TelemetryMeter> OfFactories = [];

    private TelemetryMeter(IMeterFactory? factory)
    {
        Meter meter = factory is null
            ? new Meter(PipelineOpsTelemetry.MeterName, PipelineOpsTelemetry.Version)
            : factory.Create(new MeterOptions(PipelineOpsTelemetry.MeterName) { Version = PipelineOpsTelemetry.Version });
        try
        {
            (Stages, Runs) = Create(meter);
        }
        catch (Exception)
        {
            // A listener's, which is shown each instrument at once: thrown on, it would make every later stage of the process fail. Those of a disposed meter nobody is shown.
            var unheard = new Meter(PipelineOpsTelemetry.MeterName, PipelineOpsTelemetry.Version);
            unheard.Dispose();
            (Stages, Runs) = Create(unheard);
        }
    }

    public static TelemetryMeter Shared { get; } = new(factory: null);

    public StageInstruments Stages { get; }

    public MeteredPipelines Pipelines { get; } = new();

    public RunInstruments Runs { get; }

    public static TelemetryMeter For(IMeterFactory? factory) =>
        factory is null ? Shared : OfFactories.GetValue(factory, static factory => new TelemetryMeter(factory));

    private (StageInstruments Stages, RunInstruments Runs) Create(Meter meter)
    {
        var stages = new StageInstruments(meter);
        QueueInstruments.Create(meter, Pipelines);
        return (stages, new RunInstruments(meter, Pipelines));
    }
}
