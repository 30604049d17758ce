namespace PipelineOps;

/// <summary>A field whose type is not the expected one.</summary>
/// <param name="Name">The field's name.</param>
/// <param name="ExpectedType">The type that was expected.</param>
/// <param name="ActualType">The type that is there.</param>
public sealed record SchemaFieldChange(string Name, string ExpectedType, string ActualType);
