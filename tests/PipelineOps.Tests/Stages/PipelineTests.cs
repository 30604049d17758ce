using PipelineOps.Tests.Telemetry;

namespace PipelineOps.Tests.Stages;

public sealed class PipelineTests
{
    [Fact]
    public void Stages_that_make_no_pipeline_are_refused()
    {
        using PipelineStage load = PipelineStage.Create("orders", "load");
        using PipelineStage again = PipelineStage.Create("orders", "load");
        using PipelineStage send = PipelineStage.Create("invoices", "send");

        Assert.Throws<ArgumentNullException>(() => Pipeline.Create(null!));
        Assert.StartsWith("A pipeline has at least one stage.", Assert.Throws<ArgumentException>(() => Pipeline.Create()).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Pipeline.Create(load, null!));
        Assert.StartsWith(
            "The stages are of several pipelines: orders, invoices.", Assert.Throws<ArgumentException>(() => Pipeline.Create(load, send)).Message, StringComparison.Ordinal);
        Assert.StartsWith("Stage \"orders/load\" is there twice.", Assert.Throws<ArgumentException>(() => Pipeline.Create(load, again)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipeline_has_the_stages_that_it_was_made_of()
    {
        using PipelineStage extract = PipelineStage.Create("orders", "extract");
        using PipelineStage load = PipelineStage.Create("orders", "load");
        PipelineStage[] stages = [extract, load];

        Pipeline pipeline = Pipeline.Create(stages);
        stages[0] = load;

        Assert.Equal("orders", pipeline.Name);
        Assert.Equal([extract, load], pipeline.Stages);
        Assert.Same(load, pipeline.GetStage("load"));
    }

    [Fact]
    public async Task Clock_log_and_meter_of_its_runs_are_those_of_the_first_stage()
    {
        var time = new ManualTimeProvider();
        using MeterProbe meter = new MeterProbe().Listen();
        using var log = new RecordingLoggers();
        using PipelineStage extract = PipelineStage.Create("orders", "extract", TestStage.Options(time, options => (options.MeterFactory, options.LoggerFactory) = (meter, log)));
        using PipelineStage load = PipelineStage.Create("orders", "load");

        await using (PipelineRun run = Pipeline.Create(extract, load).BeginRun())
        {
            Assert.Equal(("orders", time.GetUtcNow()), (run.Pipeline, run.StartedAt));
            time.Advance(TimeSpan.FromSeconds(2));
        }

        Assert.Equal(2, Assert.Single(meter.Of("pipelineops.run.duration")).Value);
        Assert.Single(log.Entries);
    }
}
