using System.Text.RegularExpressions;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace PipelineOps.Tests;

/// <summary>
/// The types of the core, the folders that declare them, and which name which. Read from the assembly, method bodies included, because a property
/// may be called as a type is; constants of enums leave no trace there.
/// </summary>
internal static partial class CoreAssembly
{
    private static readonly ModuleDefinition Module = ModuleDefinition.ReadModule(typeof(PipelineStage).Assembly.Location);

    public static IReadOnlyList<string> Files { get; } = Repository.Files("src/PipelineOps", "*.cs");

    /// <summary>The folder of each declared type, by the name that metadata gives the type; empty for a file beside the folders.</summary>
    public static IReadOnlyDictionary<string, string> Folders { get; } = Files
        .SelectMany(file => DeclaredTypes(file).Select(type => (type.Name, Folder(file))))
        .Distinct()
        .ToDictionary();

    /// <summary>The types that a file declares at its top level.</summary>
    public static IEnumerable<(string Name, bool IsPublic)> DeclaredTypes(string file) => Declaration().Matches(File.ReadAllText(file))
        .Select(match => (Name: match.Groups["name"].Value + Arity(match.Groups["parameters"].Value), match.Groups["access"].Value == "public"));

    /// <summary>Each type of a folder with the types of other folders that it names.</summary>
    public static IEnumerable<(string User, string Used)> CrossFolderUses() => Module.Types
        .Where(type => Folders.ContainsKey(type.Name))
        .SelectMany(type => WithNested(type).SelectMany(References).SelectMany(Parts).Select(Outermost).Distinct()
            .Where(used => Folders.TryGetValue(used, out string? folder) && folder != Folders[type.Name])
            .Select(used => (type.Name, used)));

    private static string Folder(string file) => Path.GetRelativePath(Path.Combine(Repository.Root, "src", "PipelineOps"), file).Replace('\\', '/') is var path
        && path.Contains('/', StringComparison.Ordinal) ? path.Split('/')[0] : string.Empty;

    private static string Arity(string parameters) => parameters.Length == 0 ? string.Empty : $"`{parameters.Count(c => c == ',') + 1}";

    private static IEnumerable<TypeDefinition> WithNested(TypeDefinition type) => type.NestedTypes.SelectMany(WithNested).Prepend(type);

    private static IEnumerable<TypeReference> References(TypeDefinition type) =>
    [
        .. type.BaseType is null ? [] : new[] { type.BaseType },
        .. type.Interfaces.Select(implementation => implementation.InterfaceType),
        .. type.GenericParameters.SelectMany(parameter => parameter.Constraints).Select(constraint => constraint.ConstraintType),
        .. type.Fields.Select(field => field.FieldType),
        .. type.Methods.SelectMany(References),
    ];

    private static IEnumerable<TypeReference> References(MethodDefinition method) =>
    [
        .. Signature(method),
        .. method.GenericParameters.SelectMany(parameter => parameter.Constraints).Select(constraint => constraint.ConstraintType),
        .. method.HasBody ? method.Body.Variables.Select(variable => variable.VariableType) : [],
        .. method.HasBody ? method.Body.ExceptionHandlers.Select(handler => handler.CatchType).OfType<TypeReference>() : [],
        .. method.HasBody ? method.Body.Instructions.SelectMany(Operand) : [],
    ];

    private static IEnumerable<TypeReference> Operand(Instruction instruction) => instruction.Operand switch
    {
        TypeReference type => [type],
        FieldReference field => [field.DeclaringType, field.FieldType],
        GenericInstanceMethod method => [method.DeclaringType, .. Signature(method), .. method.GenericArguments],
        MethodReference method => [method.DeclaringType, .. Signature(method)],
        _ => [],
    };

    private static IEnumerable<TypeReference> Signature(MethodReference method) =>
        method.Parameters.Select(parameter => parameter.ParameterType).Prepend(method.ReturnType);

    /// <summary>What a constructed type, such as an array or a generic one, is made of.</summary>
    private static IEnumerable<TypeReference> Parts(TypeReference type) => type switch
    {
        GenericInstanceType generic => generic.GenericArguments.SelectMany(Parts).Prepend(generic.ElementType),
        TypeSpecification constructed => Parts(constructed.ElementType),
        _ => [type],
    };

    private static string Outermost(TypeReference type)
    {
        while (type.DeclaringType is { } outer)
            type = outer;

        return type.Scope == Module ? type.Name : string.Empty;
    }

    // Namespaces are file-scoped, so what stands at the margin is at the top level.
    [GeneratedRegex(
        @"^(?<access>public|internal|file)\s(?:(?:static|sealed|abstract|readonly|ref|partial|unsafe)\s)*(?:class|interface|enum|struct|record(?:\s(?:struct|class))?|delegate\s[\w<>?, ]+?)\s(?<name>\w+)(?:<(?<parameters>[^>]*)>)?",
        RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
