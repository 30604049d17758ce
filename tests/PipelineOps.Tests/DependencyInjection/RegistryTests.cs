using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PipelineOps.Tests.Stages;
using PipelineOps.Tests.Telemetry;

namespace PipelineOps.Tests.DependencyInjection;

public sealed class RegistryTests
{
    private readonly ServiceCollection _services = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void An_unknown_name_is_answered_with_the_known_ones()
    {
        _services.AddPipelineOps()
            .AddPipeline("orders", static p => p.AddStage("extract").AddStage("load"))
            .AddPipeline("invoices", static p => p.AddStage("send"));
        using ServiceProvider provider = _services.BuildServiceProvider();
        PipelineRegistry registry = provider.GetRequiredService<PipelineRegistry>();

        Assert.Equal(
            "There is no pipeline \"order\". There are: orders, invoices.",
            Assert.Throws<KeyNotFoundException>(() => registry.GetPipeline("order")).Message);
        Assert.Equal(
            "Pipeline \"orders\" has no stage \"Load\". It has: extract, load.",
            Assert.Throws<KeyNotFoundException>(() => registry.GetStage("orders", "Load")).Message);
        Assert.Throws<KeyNotFoundException>(() => registry.GetStage("order", "load"));
    }

    [Fact]
    public void An_empty_registry_says_how_to_fill_it()
    {
        _services.AddPipelineOps();
        using ServiceProvider provider = _services.BuildServiceProvider();
        PipelineRegistry registry = provider.GetRequiredService<PipelineRegistry>();

        Assert.Empty(registry.Pipelines);
        Assert.Contains("AddPipeline", Assert.Throws<KeyNotFoundException>(() => registry.GetPipeline("orders")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Stages_are_found_by_name_and_listed_in_the_order_of_registration()
    {
        _services.AddPipelineOps()
            .AddPipeline("zeta", static p => p.AddStage("z").AddStage("a").AddStage("m"))
            .AddPipeline("alpha", static p => p.AddStage("z"));
        using ServiceProvider provider = _services.BuildServiceProvider();
        PipelineRegistry registry = provider.GetRequiredService<PipelineRegistry>();

        Assert.Equal(["zeta", "alpha"], registry.Pipelines.Select(static p => p.Name));
        Assert.Equal(["z", "a", "m"], registry.GetPipeline("zeta").Stages.Select(static s => s.Name));
        Assert.Same(registry.GetStage("zeta", "a"), registry.GetPipeline("zeta").Stages[1]);
        Assert.Equal("zeta/a", registry.GetStage("zeta", "a").ToString());
        Assert.Equal("zeta", registry.GetPipeline("zeta").ToString());
    }

    [Fact]
    public void Stages_and_pipelines_are_injected_by_key()
    {
        _services.AddPipelineOps().AddPipeline("orders", static p => p.AddStage("load"));
        _services.AddSingleton<Loader>();
        using ServiceProvider provider = _services.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
        PipelineRegistry registry = provider.GetRequiredService<PipelineRegistry>();

        Loader loader = provider.GetRequiredService<Loader>();

        Assert.Same(registry.GetStage("orders", "load"), loader.Load);
        Assert.Same(registry.GetPipeline("orders"), loader.Orders);
        Assert.Null(provider.GetKeyedService<PipelineStage>("orders/extract"));
    }

    [Fact]
    public void Modules_that_register_a_pipeline_each_share_one_registry()
    {
        _services.AddPipelineOps().AddPipeline("orders", static p => p.AddStage("load"));
        _services.AddPipelineOps().AddPipeline("invoices", static p => p.AddStage("send"));
        using ServiceProvider provider = _services.BuildServiceProvider();

        PipelineRegistry registry = Assert.Single(provider.GetServices<PipelineRegistry>());

        Assert.Equal(["orders", "invoices"], registry.Pipelines.Select(static p => p.Name));
    }

    [Fact]
    public void Options_can_come_from_services()
    {
        var budget = new RetryBudget();
        _services.AddSingleton(budget);
        RetryBudget? seen = null;
        _services.AddPipelineOps().AddPipeline("orders", p => p.AddStage(
            "load",
            (options, services) => seen = options.Retry.Budget = services.GetRequiredService<RetryBudget>()));
        using ServiceProvider provider = _services.BuildServiceProvider();
        Assert.Null(seen);

        provider.GetRequiredService<PipelineRegistry>();

        Assert.Same(budget, seen);
    }

    [Fact]
    public async Task The_containers_clock_log_and_meter_are_used()
    {
        var time = new ManualTimeProvider();
        using var log = new RecordingLoggers();
        using MeterProbe meter = new MeterProbe().Listen();
        _services.AddSingleton<TimeProvider>(time).AddSingleton<ILoggerFactory>(log).AddSingleton<IMeterFactory>(meter);
        _services.AddPipelineOps().AddPipeline("orders", static p => p.AddStage("load", static o => o.Retry.Backoff = TestStage.Seconds(5)));
        await using ServiceProvider provider = _services.BuildServiceProvider();
        PipelineStage stage = provider.GetRequiredService<PipelineRegistry>().GetStage("orders", "load");

        ValueTask<int> call = stage.ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        await time.AdvanceOnceWaiting(TimeSpan.FromSeconds(5));

        Assert.Equal(2, await call.InTime());
        Assert.Equal("PipelineOps", Assert.Single(log.Entries).Category);
        Assert.Equal(5, Assert.Single(meter.Of("pipelineops.stage.duration")).Value);
    }

    [Fact]
    public async Task What_the_options_set_themselves_comes_before_the_containers()
    {
        var own = new ManualTimeProvider();
        _services.AddSingleton<TimeProvider>(new ManualTimeProvider());
        _services.AddPipelineOps().AddPipeline("orders", p => p.AddStage("load", o => (o.TimeProvider, o.Retry.Backoff) = (own, TestStage.Seconds(5))));
        await using ServiceProvider provider = _services.BuildServiceProvider();

        ValueTask<int> call = provider.GetRequiredKeyedService<PipelineStage>("orders/load").ExecuteAsync(new Flaky(new IOException()).Invoke, Ct);
        await own.AdvanceOnceWaiting(TimeSpan.FromSeconds(5));

        Assert.Equal(2, await call.InTime());
    }

    [Fact]
    public async Task The_container_disposes_the_stages_and_lets_calls_in_flight_end()
    {
        _services.AddPipelineOps().AddPipeline("orders", static p => p.AddStage("extract").AddStage("load"));
        ServiceProvider provider = _services.BuildServiceProvider();
        PipelineStage extract = provider.GetRequiredKeyedService<PipelineStage>("orders/extract");
        PipelineStage load = provider.GetRequiredService<PipelineRegistry>().GetStage("orders", "load");
        var gate = new TaskCompletionSource<int>();
        ValueTask<int> call = load.ExecuteAsync(_ => gate.Task, Ct);

        await provider.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => extract.ExecuteAsync(new Flaky().Invoke, Ct).InTime());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => load.ExecuteAsync(new Flaky().Invoke, Ct).InTime());
        gate.SetResult(1);
        Assert.Equal(1, await call.InTime());
    }

    private sealed class Loader(
        [FromKeyedServices("orders/load")] PipelineStage load,
        [FromKeyedServices("orders")] Pipeline orders)
    {
        public PipelineStage Load { get; } = load;

        public Pipeline Orders { get; } = orders;
    }
}
