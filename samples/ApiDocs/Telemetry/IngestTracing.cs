using System.Diagnostics;
using ApiDocs.Reading;

namespace ApiDocs.Telemetry;

/// <summary>The sample's own spans: those of what moves through the stages, under which the stages' calls are. Nothing is done for them unless somebody listens.</summary>
internal static class IngestTracing
{
    public const string SourceName = "ApiDocs";

    public const string Type = "apidocs.type";
    public const string File = "apidocs.file";
    public const string Members = "apidocs.members";

    private const string Keys = "apidocs.keys";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>Starts the trace of a group: one of its own, linked to the call that reads the file, because a file has more groups than a trace should have spans.</summary>
    public static Activity? StartGroup(MemberGroup group)
    {
        if (!Source.HasListeners())
            return null;

        ActivityLink[] links = Activity.Current is { } read ? [new ActivityLink(read.Context)] : [];
        Activity.Current = null;
        return Source.StartActivity(
            "apidocs group",
            ActivityKind.Internal,
            parentContext: default,
            [new(Type, group.Type), new(File, group.Members[0].File), new(Members, group.Members.Count)],
            links);
    }

    /// <summary>Starts the trace of a batch that is loaded, in one call or, if it has a bad record, in several.</summary>
    public static Activity? StartBatch(int members) =>
        Source.StartActivity("apidocs batch", ActivityKind.Internal, parentContext: default, [new(Members, members)]);

    /// <summary>Notes which records the call is for that is going on; only for who listens in this process, as nobody else wants hundreds of keys.</summary>
    public static void TellKeys(IEnumerable<string> keys) => Activity.Current?.SetCustomProperty(Keys, keys);

    /// <summary>The keys that were noted; <see langword="null"/> if none were.</summary>
    public static IEnumerable<string>? KeysOf(Activity span) => span.GetCustomProperty(Keys) as IEnumerable<string>;
}
