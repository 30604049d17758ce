using System.Reflection;
using System.Xml.Linq;

namespace PipelineOps.Tests;

/// <summary>The rules of the house, held against the sources and the built core.</summary>
public sealed class ArchitectureTests
{
    // The folders of the core, or single types of them, that each one may name. All may use the files beside the folders, which use none.
    private static readonly Dictionary<string, string[]> MayUse = new()
    {
        [""] = [],
        ["Errors"] = [],
        ["CircuitBreaking"] = [],
        ["Retrying"] = [],
        ["Concurrency"] = [],
        ["Timeouts"] = ["Errors/StageTimeoutKind"],
        ["Recovery"] = ["Errors"],
        ["Telemetry"] = ["CircuitBreaking", "Errors", "Recovery/Disposition"],
        ["Execution"] = ["CircuitBreaking", "Concurrency", "Errors", "Recovery/FailureAttempt", "Retrying", "Telemetry", "Timeouts"],
        ["Processing"] = ["CircuitBreaking", "Errors", "Execution", "Recovery", "Telemetry"],
        ["Stages"] = ["CircuitBreaking", "Concurrency", "Errors", "Execution", "Processing", "Recovery", "Retrying", "Telemetry"],
        ["DependencyInjection"] = ["Recovery", "Stages"],
    };

    // What each package may reference besides the projects of this repository.
    private static readonly Dictionary<string, string[]> OutsidePackages = new()
    {
        ["PipelineOps"] =
        [
            "Microsoft.Extensions.DependencyInjection.Abstractions", "Microsoft.Extensions.Logging.Abstractions", "System.Diagnostics.DiagnosticSource",
        ],
    };

    private static readonly string[] Folders = ["src", "tests", "samples", "benchmarks"];

    private static readonly Type[] PublicTypes = typeof(PipelineStage).Assembly.GetExportedTypes();

    [Fact]
    public void Folders_use_each_other_one_way_only()
    {
        string[] violations = [.. Uses().Where(use => use.To.Length > 0 && !MayUse.GetValueOrDefault(use.From, []).Any(use.IsOf))
            .Select(use => $"{use.From}/{use.User} uses {use.To}/{use.Used}")];
        Assert.True(violations.Length == 0, string.Join('\n', violations));
    }

    [Fact]
    public void No_permission_to_use_a_folder_is_left_over()
    {
        Use[] uses = [.. Uses()];
        Assert.All(MayUse, folder => Assert.All(folder.Value, permission => Assert.Contains(uses, use => use.From == folder.Key && use.IsOf(permission))));
    }

    [Fact]
    public void A_public_type_has_a_file_of_its_own_named_after_it()
    {
        foreach (string file in CoreAssembly.Files)
        {
            string[] types = [.. CoreAssembly.DeclaredTypes(file).Where(type => type.IsPublic).Select(type => FileName(type.Name))];
            Assert.True(types is [] || types is [var type] && (type == Path.GetFileName(file) || IsPartOf(type, file)), $"{Repository.Relative(file)} declares {string.Join(", ", types)}");
        }

        // So that the search for declarations misses none.
        Assert.Equal(
            PublicTypes.Where(type => !type.IsNested).Select(type => FileName(type.Name)).Order(),
            CoreAssembly.Files.SelectMany(CoreAssembly.DeclaredTypes).Where(type => type.IsPublic).Select(type => FileName(type.Name)).Distinct().Order());

        // PipelineStage.Batches.cs has what PipelineStage, which stands beside it, does with batches.
        static bool IsPartOf(string type, string file) =>
            Path.GetFileName(file).StartsWith($"{Path.GetFileNameWithoutExtension(type)}.", StringComparison.Ordinal)
            && File.Exists(Path.Combine(Path.GetDirectoryName(file)!, type));
    }

    [Fact]
    public void A_public_class_is_sealed_or_static_or_abstract_with_constructors_of_our_own()
    {
        Assert.DoesNotContain(PublicTypes, type => type.IsClass && !type.IsSealed && !(type.IsAbstract && Constructors(type).All(IsPrivateProtected)));

        static ConstructorInfo[] Constructors(Type type) => type.GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        static bool IsPrivateProtected(ConstructorInfo constructor) => constructor.IsFamilyAndAssembly || constructor.IsPrivate;
    }

    [Fact]
    public void An_internal_interface_has_more_than_one_implementation()
    {
        Type[] types = typeof(PipelineStage).Assembly.GetTypes();
        Assert.DoesNotContain(types, type => type is { IsInterface: true, IsVisible: false } && types.Count(other => other != type && Implements(other, type)) < 2);

        static bool Implements(Type type, Type contract) =>
            type.GetInterfaces().Any(known => (known.IsGenericType ? known.GetGenericTypeDefinition() : known) == contract);
    }

    [Fact]
    public void Folders_and_types_are_named_after_concepts()
    {
        string[] kinds =
        [
            "Abstractions", "Common", "Constants", "Contracts", "Core", "Enums", "Exceptions", "Extensions", "Helpers", "Impl", "Infrastructure",
            "Interfaces", "Internal", "Managers", "Misc", "Models", "Services", "Shared", "Types", "Utilities", "Utils",
        ];
        string[] suffixes = ["Helper", "Helpers", "Manager", "Util", "Utils", "Utilities"];
        Assert.All(Folders.SelectMany(folder => Repository.Files(folder, "*.cs")).Select(Repository.Relative), file =>
        {
            Assert.DoesNotContain(file.Split('/')[..^1], kinds.Contains);
            Assert.DoesNotContain(suffixes, suffix => Path.GetFileNameWithoutExtension(file).EndsWith(suffix, StringComparison.Ordinal));
        });
    }

    [Fact]
    public void A_package_references_the_packages_it_may_and_no_other()
    {
        var references = Repository.Files("src", "*.csproj").ToDictionary(
            project => Path.GetFileNameWithoutExtension(project),
            project => XDocument.Load(project).Descendants("PackageReference").Select(reference => (string?)reference.Attribute("Include")).Order());
        Assert.Equal(OutsidePackages.Keys.Order(), references.Keys.Order());
        Assert.All(OutsidePackages, package => Assert.Equal(package.Value.Order(), references[package.Key]));

        // All packages get analyzers from these, and nothing that they would pass on.
        IEnumerable<XElement> ofAll = XDocument.Load(Path.Combine(Repository.Root, "src", "Directory.Build.props")).Descendants("PackageReference");
        Assert.All(ofAll, reference => Assert.Equal("all", (string?)reference.Attribute("PrivateAssets")));
    }

    [Fact]
    public void The_core_needs_the_framework_and_its_abstractions_only()
    {
        string[] outside = [.. typeof(PipelineStage).Assembly.GetReferencedAssemblies().Select(reference => reference.Name!)
            .Where(name => !name.StartsWith("System.", StringComparison.Ordinal))];
        Assert.Empty(outside.Except(OutsidePackages["PipelineOps"]));
    }

    private static IEnumerable<Use> Uses() => CoreAssembly.CrossFolderUses()
        .Select(use => new Use(CoreAssembly.Folders[use.User], use.User, CoreAssembly.Folders[use.Used], use.Used));

    // StageResult`1 is in StageResultOfT.cs.
    private static string FileName(string type) => type.Split('`') switch
    {
        [var name] => $"{name}.cs",
        [var name, "1"] => $"{name}OfT.cs",
        var parts => throw new NotSupportedException($"Decide on a file name for {parts[0]} with {parts[1]} type parameters."),
    };

    private sealed record Use(string From, string User, string To, string Used)
    {
        public bool IsOf(string permission) => permission == To || permission == $"{To}/{Used}";
    }
}
