namespace PipelineOps;

/// <summary>Asks exceptions for their messages. They are user code, and may throw when they are asked.</summary>
internal static class ErrorMessage
{
    public static string? Of(Exception? error)
    {
        try
        {
            return error?.Message;
        }
        catch (Exception exception)
        {
            return $"(its Message threw {exception.GetType()})";
        }
    }
}
