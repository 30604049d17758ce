using Microsoft.Extensions.DependencyInjection;

namespace PipelineOps;

/// <summary>Adds stages to a pipeline that is being registered.</summary>
public sealed class PipelineBuilder
{
    private readonly List<(string Name, Action<StageOptions, IServiceProvider> Configure)> _stages = [];

    internal PipelineBuilder(IServiceCollection services, string name)
    {
        Services = services;
        Name = name;
    }

    /// <summary>The service collection that the pipeline is registered in.</summary>
    public IServiceCollection Services { get; }

    /// <summary>The pipeline's name.</summary>
    public string Name { get; }

    internal IReadOnlyList<(string Name, Action<StageOptions, IServiceProvider> Configure)> Stages => _stages;

    /// <summary>Adds a stage, which services can also inject by the key <c>pipeline/stage</c>.</summary>
    /// <param name="name">The stage's name, unique in the pipeline.</param>
    /// <param name="configure">Sets the options; run when the registry is first used. Without it the defaults apply.</param>
    /// <returns>The same builder.</returns>
    /// <exception cref="ArgumentException">The pipeline already has a stage of this name.</exception>
    public PipelineBuilder AddStage(string name, Action<StageOptions>? configure = null) =>
        AddStage(name, (options, _) => configure?.Invoke(options));

    /// <summary>Adds a stage whose options need services, such as a retry budget that several stages share.</summary>
    /// <param name="name">The stage's name, unique in the pipeline.</param>
    /// <param name="configure">Sets the options; run when the registry is first used.</param>
    /// <returns>The same builder.</returns>
    /// <exception cref="ArgumentException">The pipeline already has a stage of this name.</exception>
    public PipelineBuilder AddStage(string name, Action<StageOptions, IServiceProvider> configure)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(configure);
        if (_stages.Any(stage => stage.Name == name))
            throw new ArgumentException($"Stage \"{Name}/{name}\" is registered twice. Stage names are unique in their pipeline.", nameof(name));

        _stages.Add((name, configure));
        Services.AddKeyedSingleton($"{Name}/{name}", (services, _) => services.GetRequiredService<PipelineRegistry>().GetStage(Name, name));
        return this;
    }
}
