using PipelineOps;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers PipelineOps in a service collection.</summary>
public static class PipelineOpsServiceCollectionExtensions
{
    /// <summary>
    /// Adds the <see cref="PipelineRegistry"/>, whose first use builds every stage and throws one <see cref="InvalidOptionsException"/> that lists
    /// whatever is wrong with any of them. Can be called several times, as by modules that register a pipeline each.
    /// </summary>
    /// <param name="services">The service collection.</param>
    /// <returns>A builder that adds pipelines.</returns>
    public static PipelineOpsBuilder AddPipelineOps(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        var registrations = services
            .FirstOrDefault(static service => service.ServiceType == typeof(PipelineRegistrations))?.ImplementationInstance as PipelineRegistrations;
        if (registrations is null)
        {
            registrations = new PipelineRegistrations();
            services.AddSingleton(registrations);
            services.AddSingleton(static provider => provider.GetRequiredService<PipelineRegistrations>().Build(provider));
        }

        return new PipelineOpsBuilder(services, registrations);
    }
}
