using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace PipelineOps;

/// <summary>What was registered in a service collection, until the first use builds it.</summary>
internal sealed class PipelineRegistrations
{
    private readonly List<PipelineBuilder> _pipelines = [];

    public void Add(PipelineBuilder pipeline)
    {
        if (_pipelines.Any(known => known.Name == pipeline.Name))
            throw new ArgumentException($"Pipeline \"{pipeline.Name}\" is registered twice. Give all its stages to one AddPipeline call.");

        _pipelines.Add(pipeline);
    }

    /// <summary>Builds every stage, or throws one exception that lists what is wrong with any of them.</summary>
    public PipelineRegistry Build(IServiceProvider services)
    {
        var problems = new OptionsProblems();
        List<(PipelineBuilder Pipeline, List<(string Name, StageOptions Options)> Stages)> configured = [];
        foreach (PipelineBuilder pipeline in _pipelines)
        {
            problems.Prefix = string.Empty;
            PipelineNames.Require(problems, pipeline.Name, "pipeline");
            if (pipeline.Stages.Count == 0)
                problems.Add($"Pipeline \"{pipeline.Name}\" has no stages, but must have at least one.");

            List<(string, StageOptions)> stages = [];
            foreach ((string name, Action<StageOptions, IServiceProvider> configure) in pipeline.Stages)
            {
                problems.Prefix = $"{pipeline.Name}/{name}: ";
                PipelineNames.Require(problems, name, "stage");
                var options = new StageOptions();
                configure(options, services);
                options.TimeProvider ??= services.GetService<TimeProvider>();
                options.LoggerFactory ??= services.GetService<ILoggerFactory>();
                options.MeterFactory ??= services.GetService<IMeterFactory>();
                if (options.Recovery is { } recovery)
                    recovery.FailureStore ??= services.GetService<IFailureStore>();

                options.Validate(problems);
                stages.Add((name, options));
            }

            configured.Add((pipeline, stages));
        }

        problems.ThrowIfAny();
        List<PipelineStage> made = [];
        try
        {
            return new PipelineRegistry(
                [.. configured.Select(pipeline => new Pipeline(
                    pipeline.Pipeline.Name,
                    [.. pipeline.Stages.Select(stage =>
                    {
                        made.Add(PipelineStage.Create(pipeline.Pipeline.Name, stage.Name, stage.Options));
                        return made[^1];
                    })]))]);
        }
        catch
        {
            // A log or a meter that cannot be made; the next use builds anew, beside stages that nobody could dispose of.
            made.ForEach(static stage => stage.Dispose());
            throw;
        }
    }
}
