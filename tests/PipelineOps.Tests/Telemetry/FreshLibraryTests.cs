using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace PipelineOps.Tests.Telemetry;

/// <summary>What is decided once for a process: each test loads the library anew.</summary>
[Collection(nameof(Alone))]
public sealed class FreshLibraryTests : IDisposable
{
    private const string Switch = "PipelineOps.Telemetry.IsSupported";

    private readonly string _folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
    private IDisposable? _stage;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _stage?.Dispose();
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Where_telemetry_is_switched_off_nothing_is_measured_or_traced_and_everything_works()
    {
        RuntimeHelpers.RunClassConstructor(typeof(PipelineOpsTelemetry).TypeHandle);
        AppContext.SetSwitch(Switch, isEnabled: false);
        try
        {
            List<string> told = [];
            using ActivityListener spans = Spans(static source => source.Name == PipelineOpsTelemetry.ActivitySourceName, span => told.Add(span.DisplayName));
            using MeterListener meters = Meters(static _ => { }, told);
            using Activity caller = new Activity("caller").Start();

            await Use(CreateStage(), fails: true);

            meters.RecordObservableInstruments();
            Assert.Empty(told);
        }
        finally
        {
            AppContext.SetSwitch(Switch, isEnabled: true);
        }
    }

    [Fact]
    public async Task A_listener_that_fails_to_choose_its_sources_fails_no_call()
    {
        bool fails = false;
        using ActivityListener faulty = Spans(
            source => fails && source.Name == PipelineOpsTelemetry.ActivitySourceName ? throw new InvalidOperationException() : false, static _ => { });
        dynamic stage = CreateStage();
        fails = true;

        await Use(stage, fails: false);
        await Use(stage, fails: false);
    }

    [Fact]
    public async Task A_listener_that_fails_to_choose_its_instruments_fails_no_stage()
    {
        using MeterListener faulty = Meters(static _ => throw new InvalidOperationException(), []);

        await Use(CreateStage(), fails: false);
    }

    private dynamic CreateStage()
    {
        Assembly library = new AssemblyLoadContext("fresh").LoadFromAssemblyPath(typeof(PipelineStage).Assembly.Location);
        Type options = library.GetType(typeof(StageOptions).FullName!)!;
        dynamic chosen = Activator.CreateInstance(options)!;
        chosen.Recovery.FailureFolder = _folder;
        _stage = (IDisposable)library.GetType(typeof(PipelineStage).FullName!)!.GetMethod(nameof(PipelineStage.Create))!.Invoke(null, ["orders", "load", chosen])!;
        return _stage;
    }

    private static async Task Use(dynamic stage, bool fails)
    {
        IReadOnlyList<int> records = [1, 2, 3];
        Func<int, CancellationToken, ValueTask> handler = (_, _) => fails ? throw new FormatException() : default(ValueTask);
        Func<IReadOnlyList<int>, CancellationToken, ValueTask> batchHandler = (_, _) => fails ? throw new FormatException() : default(ValueTask);
        Func<CancellationToken, ValueTask> call = static _ => default;
        await (ValueTask)stage.ExecuteAsync(call, Ct);
        dynamic result = stage.ProcessAsync(1, handler, Ct).AsTask().Result;
        Assert.Equal(!fails, (bool)result.IsSuccess);
        dynamic batch = stage.ProcessBatchAsync(records, batchHandler, cancellationToken: Ct).AsTask().Result;
        Assert.Equal(3, (int)batch.Count);
    }

    private static ActivityListener Spans(Func<ActivitySource, bool> choose, Action<Activity> started)
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = choose,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStarted = started,
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }

    private static MeterListener Meters(Action<Instrument> chosen, List<string> measured)
    {
        var listener = new MeterListener();
        List<Instrument> before = [];
        listener.InstrumentPublished = (instrument, listener) => before.Add(instrument);
        listener.Start();
        HashSet<Meter> old = [.. before.Select(static instrument => instrument.Meter)];
        listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name != PipelineOpsTelemetry.MeterName || old.Contains(instrument.Meter))
                return;

            chosen(instrument);
            listener.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((instrument, _, _, _) => measured.Add(instrument.Name));
        listener.SetMeasurementEventCallback<long>((instrument, _, _, _) => measured.Add(instrument.Name));
        return listener;
    }
}
