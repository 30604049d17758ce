namespace ApiDocs;

/// <summary>Why a record did not succeed.</summary>
/// <param name="Stage">The stage that gave it up.</param>
/// <param name="Reason">A few words, the same for every record with this fault.</param>
/// <param name="Detail">What exactly.</param>
public sealed record Failure(string Stage, string Reason, string Detail)
{
    public static Failure Of(string stage, Exception error) => new(stage, error.GetType().Name, error.Message);
}
