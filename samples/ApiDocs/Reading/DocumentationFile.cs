using System.Runtime.InteropServices;

namespace ApiDocs.Reading;

/// <summary>An XML documentation file.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Name">Its path within the folder that was asked for.</param>
internal sealed record DocumentationFile(string Path, string Name)
{
    // A folder that may not be entered is worth a message, not a silent gap.
    private static readonly EnumerationOptions Everywhere = new() { RecurseSubdirectories = true, IgnoreInaccessible = false };

    /// <summary>How many of its members were read and handed on: whoever reads it again goes on behind them.</summary>
    public int MembersRead { get; set; }

    /// <summary>The files of a folder and its subfolders, or the one file, in a fixed order.</summary>
    /// <exception cref="IOException">There is no such folder or file, or it cannot be listed.</exception>
    /// <exception cref="UnauthorizedAccessException">A folder may not be listed.</exception>
    public static IReadOnlyList<DocumentationFile> Find(string input) =>
        File.Exists(input)
            ? [new DocumentationFile(input, System.IO.Path.GetFileName(input))]
            : Directory.Exists(input)
                ? Find(input, static _ => true)
                : throw new DirectoryNotFoundException("There is no such folder or file.");

    /// <summary>The files beside the reference assemblies of an installed SDK: <c>packs/*/*/ref/net*/*.xml</c>.</summary>
    public static IReadOnlyList<DocumentationFile> FindInSdk() =>
        SdkRoots()
            .Select(static root => System.IO.Path.Combine(root, "packs"))
            .Where(Directory.Exists)
            .Select(static packs => Find(packs, static path => path is [_, _, "ref", ['n', 'e', 't', ..], _]))
            .FirstOrDefault(static files => files.Length > 0, []);

    private static DocumentationFile[] Find(string folder, Func<string[], bool> wanted) =>
    [
        .. Directory.EnumerateFiles(folder, "*.xml", Everywhere)
            .Select(path => new DocumentationFile(path, System.IO.Path.GetRelativePath(folder, path).Replace('\\', '/')))
            .Where(file => wanted(file.Name.Split('/')))
            .OrderBy(static file => file.Name, StringComparer.Ordinal),
    ];

    // The dotnet command that runs this, the root that its user chose, then the runtime's own: shared/Microsoft.NETCore.App/<version>/.
    private static IEnumerable<string> SdkRoots() =>
        new[]
        {
            System.IO.Path.GetDirectoryName(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH")),
            Environment.GetEnvironmentVariable("DOTNET_ROOT"),
            System.IO.Path.GetFullPath(System.IO.Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..")),
        }
        .Where(static root => !string.IsNullOrEmpty(root))!;
}
