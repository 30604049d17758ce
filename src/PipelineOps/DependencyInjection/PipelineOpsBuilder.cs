using Microsoft.Extensions.DependencyInjection;

namespace PipelineOps;

/// <summary>Adds pipelines to a service collection.</summary>
public sealed class PipelineOpsBuilder
{
    private readonly PipelineRegistrations _registrations;

    internal PipelineOpsBuilder(IServiceCollection services, PipelineRegistrations registrations)
    {
        Services = services;
        _registrations = registrations;
    }

    /// <summary>The service collection.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Adds a pipeline, which services can also inject by its name as key.</summary>
    /// <param name="name">The pipeline's name, unique in the container.</param>
    /// <param name="configure">Adds the stages, in their order.</param>
    /// <returns>The same builder.</returns>
    /// <exception cref="ArgumentException">A pipeline of this name, or two stages of one name, are registered.</exception>
    public PipelineOpsBuilder AddPipeline(string name, Action<PipelineBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(configure);
        var pipeline = new PipelineBuilder(Services, name);
        _registrations.Add(pipeline);
        configure(pipeline);
        Services.AddKeyedSingleton(name, (services, _) => services.GetRequiredService<PipelineRegistry>().GetPipeline(name));
        return this;
    }

    /// <summary>
    /// Keeps the failures of all stages that name no store of their own in a <see cref="FileFailureStore"/>, which services can inject as
    /// <see cref="IFailureStore"/>. It is opened with the registry's first use and closed with the container.
    /// </summary>
    /// <param name="folder">The store's folder; created if there is none. One process at a time may have it.</param>
    /// <param name="options">How failures are kept; <see langword="null"/> for the defaults.</param>
    /// <returns>The same builder.</returns>
    public PipelineOpsBuilder AddFileFailureStore(string folder, FileFailureStoreOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        Services.AddSingleton<IFailureStore>(_ => FileFailureStore.Open(folder, options));
        return this;
    }
}
