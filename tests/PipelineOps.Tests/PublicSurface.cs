using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace PipelineOps.Tests;

/// <summary>
/// Lists what types show to their users, close to how C# declares it: with the nullability of references, constraints, default values, and the
/// attributes that are part of a contract. Written for what this library uses: no pointers, no explicit layouts, no names of tuple elements.
/// </summary>
internal static class PublicSurface
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly MemberTypes[] MemberOrder =
        [MemberTypes.Field, MemberTypes.Constructor, MemberTypes.Property, MemberTypes.Event, MemberTypes.Method];

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(byte)] = "byte",
        [typeof(int)] = "int",
        [typeof(long)] = "long",
        [typeof(double)] = "double",
    };

    public static string Of(IEnumerable<Type> types)
    {
        var listing = new StringBuilder();
        foreach (Type type in types.OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            listing.Append(Attributes(type)).Append(Header(type)).Append('\n');
            foreach (string member in type.IsEnum ? EnumValues(type) : Members(type))
                listing.Append("    ").Append(member).Append('\n');
        }

        return listing.ToString();
    }

    private static string Header(Type type)
    {
        if (typeof(Delegate).IsAssignableFrom(type))
        {
            MethodInfo invoke = type.GetMethod("Invoke")!;
            return $"delegate {Name(invoke.ReturnParameter, invoke)} {type.Namespace}.{Name(type)}({Parameters(invoke)}){Constraints(type.GetGenericArguments(), type)}";
        }

        bool isRecord = type.GetMethod("PrintMembers", Declared) is not null;
        string kind = type switch
        {
            { IsEnum: true } => "enum",
            { IsInterface: true } => "interface",
            { IsValueType: true } => $"{(Has(type, "IsReadOnlyAttribute") ? "readonly " : "")}{(type.IsByRefLike ? "ref " : "")}{(isRecord ? "record " : "")}struct",
            _ => $"{(type is { IsAbstract: true, IsSealed: true } ? "static " : type.IsAbstract ? "abstract " : type.IsSealed ? "sealed " : "")}{(isRecord ? "record" : "class")}",
        };
        string bases = string.Join(", ", type.IsEnum ? [Name(Enum.GetUnderlyingType(type))] : Bases(type));
        return $"{kind} {type.Namespace}.{Name(type)}{(bases.Length > 0 ? " : " : "")}{bases}{Constraints(type.GetGenericArguments(), type)}";
    }

    private static IEnumerable<string> Bases(Type type)
    {
        if (type.BaseType is { } ancestor && ancestor != typeof(object) && ancestor != typeof(ValueType))
            yield return Name(ancestor);

        foreach (string contract in type.GetInterfaces().Except(type.BaseType?.GetInterfaces() ?? []).Select(Name).Order(StringComparer.Ordinal))
            yield return contract;
    }

    private static IEnumerable<string> EnumValues(Type type) => type.GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => $"{Attributes(field)}{field.Name} = {Convert.ToInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture)}");

    private static IEnumerable<string> Members(Type type) => type.GetMembers(Declared)
        .OrderBy(member => Array.IndexOf(MemberOrder, member.MemberType))
        .ThenBy(member => member.Name, StringComparer.Ordinal)
        .ThenBy(Member, StringComparer.Ordinal)
        .Select(Member)
        .OfType<string>();

    private static string? Member(MemberInfo member) => member switch
    {
        // What the compiler adds, to records above all, follows from the type's header.
        FieldInfo field when IsVisible(field) =>
            $"{Attributes(field)}{Access(field.IsPublic)}{Required(field)}{(field.IsLiteral ? "const " : field.IsStatic ? "static " : "")}{(field.IsInitOnly ? "readonly " : "")}{Name(field.FieldType, field)} {field.Name}{(field.IsLiteral ? $" = {Literal(field.GetRawConstantValue(), field.FieldType)}" : "")}",
        ConstructorInfo constructor when IsVisible(constructor) =>
            $"{Attributes(constructor)}{Access(constructor.IsPublic)}{constructor.DeclaringType!.Name.Split('`')[0]}({Parameters(constructor)})",
        PropertyInfo property when Accessors(property) is [var first, ..] accessors =>
            $"{Attributes(property)}{Access(accessors.Any(a => a.IsPublic))}{Required(property)}{Modifiers(first)}{Name(property.PropertyType, property)} {PropertyName(property)} {{ {string.Join(' ', accessors.Select(a => Accessor(a, accessors)))} }}",
        EventInfo { AddMethod: { } add } @event when IsVisible(add) =>
            $"{Attributes(@event)}{Access(add.IsPublic)}{Modifiers(add)}event {Name(@event.EventHandlerType!, @event)} {@event.Name}",
        MethodInfo method when IsVisible(method) && !IsAccessor(method) && !Has(method, "CompilerGeneratedAttribute") =>
            $"{Attributes(method)}{Attributes(method.ReturnParameter, "return: ")}{Access(method.IsPublic)}{Modifiers(method)}{Name(method.ReturnParameter, method)} {method.Name}{Generic(method)}({Parameters(method)}){Constraints(method.GetGenericArguments(), method)}",
        _ => null,
    };

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsVisible(FieldInfo field) => (field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly) && !field.IsSpecialName;

    private static bool IsAccessor(MethodInfo method) => method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal);

    private static string Access(bool isPublic) => isPublic ? "" : "protected ";

    private static string Required(MemberInfo member) => Has(member, "RequiredMemberAttribute") ? "required " : "";

    private static string Modifiers(MethodInfo method)
    {
        bool overrides = method.GetBaseDefinition() != method;
        return method switch
        {
            { IsStatic: true } => method.IsAbstract ? "static abstract " : "static ",
            { DeclaringType.IsInterface: true } => method.IsAbstract ? "" : "virtual ",
            { IsAbstract: true } => overrides ? "abstract override " : "abstract ",
            { IsVirtual: true } when overrides => method.IsFinal ? "sealed override " : "override ",
            { IsVirtual: true, IsFinal: false } => "virtual ",
            _ => "",
        };
    }

    private static MethodInfo[] Accessors(PropertyInfo property) =>
        [.. new[] { property.GetMethod, property.SetMethod }.OfType<MethodInfo>().Where(IsVisible)];

    private static string Accessor(MethodInfo accessor, MethodInfo[] all)
    {
        string kind = accessor.Name.StartsWith("get_", StringComparison.Ordinal) ? "get"
            : accessor.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? "init" : "set";
        return $"{(accessor.IsPublic || !all.Any(a => a.IsPublic) ? "" : "protected ")}{kind};";
    }

    private static string PropertyName(PropertyInfo property) =>
        property.GetIndexParameters().Length > 0 ? $"this[{Parameters(property.GetMethod!)}]" : property.Name;

    private static string Generic(MethodInfo method) =>
        method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(argument => argument.Name))}>" : "";

    private static string Parameters(MethodBase method)
    {
        IEnumerable<string> parameters = method.GetParameters()
            .Select(parameter => $"{Attributes(parameter)}{Name(parameter, method)} {parameter.Name}{(parameter.HasDefaultValue ? $" = {Literal(parameter.RawDefaultValue, parameter.ParameterType)}" : "")}");
        return (Has(method, "ExtensionAttribute") ? "this " : "") + string.Join(", ", parameters);
    }

    private static string Literal(object? value, Type type)
    {
        type = type.IsByRef ? type.GetElementType()! : type;
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        return value switch
        {
            null => type.IsValueType && plain == type ? "default" : "null",
            string text => $"\"{text}\"",
            bool truth => truth ? "true" : "false",
            IEnumerable<CustomAttributeTypedArgument> items => string.Join(", ", items.Select(item => Literal(item.Value, item.ArgumentType))),
            _ when plain.IsEnum => $"{plain.Name}.{Enum.ToObject(plain, value)}",
            _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        };
    }

    private static string Constraints(Type[] arguments, MemberInfo declarer)
    {
        var text = new StringBuilder();
        foreach (Type argument in arguments)
        {
            GenericParameterAttributes special = argument.GenericParameterAttributes;
            bool isStruct = special.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint);
            byte nullability = Nullability(argument, declarer) is [var first, ..] ? first : (byte)0;
            List<string> constraints = [];
            if (special.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
                constraints.Add(nullability == 2 ? "class?" : "class");
            else if (isStruct)
                constraints.Add(Has(argument, "IsUnmanagedAttribute") ? "unmanaged" : "struct");
            else if (nullability == 1 && argument.GetGenericParameterConstraints().Length == 0)
                constraints.Add("notnull");

            constraints.AddRange(argument.GetGenericParameterConstraints().Where(constraint => constraint != typeof(ValueType)).Select(Name));
            if (special.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint) && !isStruct)
                constraints.Add("new()");
            if (((int)special & 0x20) != 0)
                constraints.Add("allows ref struct");
            if (constraints.Count > 0)
                text.Append(CultureInfo.InvariantCulture, $" where {argument.Name} : {string.Join(", ", constraints)}");
        }

        return text.ToString();
    }

    /// <summary>Those that promise or forbid something: nullability on conditions, trimming, obsolescence, experiments, and so on.</summary>
    private static string Attributes(ICustomAttributeProvider target, string of = "")
    {
        IEnumerable<string> attributes = Data(target)
            .Where(data => data.AttributeType.Namespace == "System.Diagnostics.CodeAnalysis"
                // The compiler marks what older compilers must not use, such as required members, as obsolete too.
                || (data.AttributeType == typeof(ObsoleteAttribute) && !Has(target, "CompilerFeatureRequiredAttribute"))
                || data.AttributeType == typeof(FlagsAttribute)
                || data.AttributeType == typeof(AttributeUsageAttribute)
                || data.AttributeType == typeof(System.ComponentModel.EditorBrowsableAttribute))
            .Select(data => $"[{of}{data.AttributeType.Name.Replace("Attribute", "", StringComparison.Ordinal)}{Arguments(data)}] ")
            .Order(StringComparer.Ordinal);
        return string.Concat(attributes);
    }

    private static string Arguments(CustomAttributeData data)
    {
        string[] arguments =
        [
            .. data.ConstructorArguments.Select(argument => Literal(argument.Value, argument.ArgumentType)),
            .. data.NamedArguments.Select(argument => $"{argument.MemberName} = {Literal(argument.TypedValue.Value, argument.TypedValue.ArgumentType)}"),
        ];
        return arguments.Length > 0 ? $"({string.Join(", ", arguments)})" : "";
    }

    private static IList<CustomAttributeData> Data(ICustomAttributeProvider target) =>
        target is ParameterInfo parameter ? parameter.GetCustomAttributesData() : ((MemberInfo)target).GetCustomAttributesData();

    private static bool Has(ICustomAttributeProvider target, string attribute) => Data(target).Any(data => data.AttributeType.Name == attribute);

    private static string Name(Type type) => Name(type, new NullabilityCursor([]));

    private static string Name(Type type, MemberInfo member) => Name(type, new NullabilityCursor(Nullability(member, member.DeclaringType)));

    private static string Name(ParameterInfo parameter, MethodBase method)
    {
        string direction = parameter switch
        {
            { ParameterType.IsByRef: false } => Has(parameter, "ParamArrayAttribute") ? "params " : "",
            { IsOut: true } => "out ",
            { IsIn: true } => "in ",
            _ => "ref ",
        };
        return direction + Name(parameter.ParameterType, new NullabilityCursor(Nullability(parameter, method)));
    }

    /// <summary>Reads the annotations in the order that the compiler wrote them in: Roslyn's docs/features/nullable-metadata.md.</summary>
    private static string Name(Type type, NullabilityCursor cursor)
    {
        if (type.IsByRef)
            return Name(type.GetElementType()!, cursor);
        if (Nullable.GetUnderlyingType(type) is { } underlying)
            return Name(underlying, cursor) + "?";

        string suffix = (type.IsGenericType || !type.IsValueType) && cursor.Next() == 2 ? "?" : "";
        if (type.IsArray)
            return $"{Name(type.GetElementType()!, cursor)}[{new string(',', type.GetArrayRank() - 1)}]{suffix}";
        if (Keywords.TryGetValue(type, out string? keyword))
            return keyword + suffix;

        string[] arguments = [.. type.GetGenericArguments().Select(argument => Name(argument, cursor))];
        if (type.Namespace == "System" && type.Name.StartsWith("ValueTuple`", StringComparison.Ordinal))
            return $"({string.Join(", ", arguments)})";

        string name = type.Name.Split('`')[0] + (arguments.Length > 0 ? $"<{string.Join(", ", arguments)}>" : "");
        return (type.IsNested && !type.IsGenericParameter ? $"{type.DeclaringType!.Name.Split('`')[0]}." : "") + name + suffix;
    }

    /// <summary>The annotations of what is declared: its own, or else the one that the nearest scope around it gives to all.</summary>
    private static byte[] Nullability(ICustomAttributeProvider target, MemberInfo? scope)
    {
        if (Data(target).FirstOrDefault(data => data.AttributeType.Name == "NullableAttribute") is { } own)
            return own.ConstructorArguments[0].Value is byte one ? [one] : [.. ((IReadOnlyList<CustomAttributeTypedArgument>)own.ConstructorArguments[0].Value!).Select(value => (byte)value.Value!)];

        for (; scope is not null; scope = scope.DeclaringType)
        {
            if (Data(scope).FirstOrDefault(data => data.AttributeType.Name == "NullableContextAttribute") is { } context)
                return [(byte)context.ConstructorArguments[0].Value!];
        }

        return [];
    }

    /// <summary>Annotations: 1 for not null, 2 for nullable; a single one stands for all.</summary>
    private sealed class NullabilityCursor(byte[] annotations)
    {
        private int _next;

        public byte Next() => annotations.Length switch
        {
            0 => 0,
            1 => annotations[0],
            _ => annotations[_next++],
        };
    }
}
