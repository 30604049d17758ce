namespace PipelineOps;

/// <summary>Categories as values of tags.</summary>
internal static class ErrorCategoryTag
{
    public static string ToTag(this ErrorCategory category) => category switch
    {
        ErrorCategory.Transient => "transient",
        ErrorCategory.Throttled => "throttled",
        ErrorCategory.Resource => "resource",
        ErrorCategory.DataQuality => "data_quality",
        ErrorCategory.Schema => "schema",
        ErrorCategory.BusinessRule => "business_rule",
        ErrorCategory.Permanent => "permanent",
        ErrorCategory.Defect => "defect",
        ErrorCategory.Cancelled => "cancelled",
        _ => "unknown",
    };
}
