namespace PipelineOps.Tests;

/// <summary>The files of the repository, for the tests that hold them against each other.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The files of this kind in a folder and below it, apart from what builds leave there.</summary>
    public static IReadOnlyList<string> Files(string folder, string pattern)
    {
        string path = Path.Combine(Root, folder);
        return !Directory.Exists(path) ? [] : [.. Directory.EnumerateFiles(path, pattern, SearchOption.AllDirectories)
            .Where(file => !Relative(file).Split('/').Any(part => part is "bin" or "obj"))
            .Order(StringComparer.Ordinal)];
    }

    /// <summary>A file's path in the repository, with forward slashes.</summary>
    public static string Relative(string file) => Path.GetRelativePath(Root, file).Replace('\\', '/');

    private static string FindRoot()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "PipelineOps.sln")))
            directory = Path.GetDirectoryName(directory) ?? throw new DirectoryNotFoundException("No PipelineOps.sln above the tests.");

        return directory;
    }
}
