using System.Reflection;

namespace PipelineOps;

/// <summary>Where failures of this process come from.</summary>
internal static class FailureOrigin
{
    public static string Host { get; } = Environment.MachineName;

    public static string Process { get; } =
        $"{Assembly.GetEntryAssembly()?.GetName().Name ?? Path.GetFileNameWithoutExtension(Environment.ProcessPath) ?? "unknown"}/{Environment.ProcessId}";

    public static string? Version { get; } = Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
}
