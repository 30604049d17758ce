using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace PipelineOps.Tests.DependencyInjection;

public sealed class RegistrationProblemsTests
{
    private readonly ServiceCollection _services = [];

    [Fact]
    public void Two_pipelines_of_one_name_are_refused_at_registration()
    {
        PipelineOpsBuilder builder = _services.AddPipelineOps().AddPipeline("orders", static p => p.AddStage("load"));

        ArgumentException thrown = Assert.Throws<ArgumentException>(() => builder.AddPipeline("orders", static p => p.AddStage("load")));
        Assert.Throws<ArgumentException>(() => _services.AddPipelineOps().AddPipeline("orders", static p => p.AddStage("load")));

        Assert.Contains("\"orders\"", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_stages_of_one_name_are_refused_at_registration()
    {
        ArgumentException thrown = Assert.Throws<ArgumentException>(
            () => _services.AddPipelineOps().AddPipeline("orders", static p => p.AddStage("load").AddStage("load")));

        Assert.Contains("\"orders/load\"", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_exception_lists_what_is_wrong_with_any_stage()
    {
        _services.AddPipelineOps()
            .AddPipeline("orders", static p => p
                .AddStage("extract", static o => (o.Retry.MaxRetries, o.TotalTimeout) = (-1, TimeSpan.Zero))
                .AddStage("fine")
                .AddStage("load", static o => o.CircuitBreaker.FailureRatio = 0))
            .AddPipeline("invoices", static p => p.AddStage("send", static o => o.Concurrency.MaxConcurrent = 0));
        using ServiceProvider provider = _services.BuildServiceProvider();

        InvalidOptionsException thrown = Assert.Throws<InvalidOptionsException>(provider.GetRequiredService<PipelineRegistry>);

        Assert.Equal(
            [
                "orders/extract: TotalTimeout is 00:00:00, but must be from 1 ms to 49 days, or null for no limit.",
                "orders/extract: Retry.MaxRetries is -1, but must be zero or more.",
                "orders/load: CircuitBreaker.FailureRatio is 0, but must be above 0 and at most 1.",
                "invoices/send: Concurrency.MaxConcurrent is 0, but must be 1 or more, or null for unlimited.",
            ],
            thrown.Failures);
        Assert.All(thrown.Failures, failure => Assert.Contains(failure, thrown.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("or ders")]
    [InlineData("a/b")]
    [InlineData("naïve")]
    public void Names_that_no_tag_can_carry_are_refused(string name)
    {
        _services.AddPipelineOps().AddPipeline(name, p => p.AddStage(name));
        using ServiceProvider provider = _services.BuildServiceProvider();

        InvalidOptionsException thrown = Assert.Throws<InvalidOptionsException>(provider.GetRequiredService<PipelineRegistry>);

        Assert.Equal(2, thrown.Failures.Count);
        Assert.Contains($"The pipeline's name is \"{name}\"", thrown.Failures[0], StringComparison.Ordinal);
        Assert.Contains($"The stage's name is \"{name}\"", thrown.Failures[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipeline_without_stages_is_refused()
    {
        _services.AddPipelineOps().AddPipeline("orders", static _ => { });
        using ServiceProvider provider = _services.BuildServiceProvider();

        Assert.Equal(
            ["Pipeline \"orders\" has no stages, but must have at least one."],
            Assert.Throws<InvalidOptionsException>(provider.GetRequiredService<PipelineRegistry>).Failures);
    }

    [Fact]
    public void What_a_configuration_throws_comes_out_at_the_first_use()
    {
        _services.AddPipelineOps().AddPipeline("orders", static p => p.AddStage("load", static (_, services) => services.GetRequiredService<RetryBudget>()));
        using ServiceProvider provider = _services.BuildServiceProvider();

        Assert.Throws<InvalidOperationException>(provider.GetRequiredService<PipelineRegistry>);
    }

    [Fact]
    public void Nothing_is_built_where_a_stage_is_invalid()
    {
        using var meter = new Telemetry.MeterProbe();
        _services.AddSingleton<System.Diagnostics.Metrics.IMeterFactory>(meter);
        _services.AddPipelineOps().AddPipeline("orders", static p => p.AddStage("extract").AddStage("load", static o => o.Retry.MaxRetries = -1));
        using ServiceProvider provider = _services.BuildServiceProvider();

        Assert.Throws<InvalidOptionsException>(provider.GetRequiredService<PipelineRegistry>);

        Assert.Empty(meter.Meters);
    }

    [Fact]
    public void A_registry_that_cannot_be_built_leaves_no_stage_behind()
    {
        using Telemetry.MeterProbe meter = new Telemetry.MeterProbe().Listen();
        _services.AddSingleton<System.Diagnostics.Metrics.IMeterFactory>(meter);
        _services.AddPipelineOps().AddPipeline("orders", static p => p.AddStage("extract").AddStage("load", static o => o.LoggerFactory = new BrokenLoggers()));
        using ServiceProvider provider = _services.BuildServiceProvider();

        Assert.Throws<NotSupportedException>(provider.GetRequiredService<PipelineRegistry>);

        Assert.Empty(meter.Observe("pipelineops.runs.active"));
        Assert.Empty(meter.Observe("pipelineops.stage.active"));
    }

    private sealed class BrokenLoggers : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => throw new NotSupportedException("no log");

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
